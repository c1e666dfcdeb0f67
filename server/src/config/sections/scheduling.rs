//! Section `scheduling`: how the next task is chosen.
//!
//! Keys: `rolling_window_hours`, `min_task_guarantee`, `safety_timer_seconds`.

use std::time::Duration;

use serde::Serialize;

use crate::config::document::seconds;
use crate::config::reader::Reader;

/// How the next task is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scheduling {
    /// Length of the window over which shares and budgets are counted, in hours, 1 to 8760.
    pub rolling_window_hours: u64,
    /// Whether every project with ready work gets a task before shares are compared.
    pub min_task_guarantee: bool,
    /// The safety net behind the wake-ups: a pass runs at least this often, 1 to 3600 s.
    #[serde(rename = "safety_timer_seconds", serialize_with = "seconds")]
    pub safety_timer: Duration,
}

impl Scheduling {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self {
            rolling_window_hours: reader.count("rolling_window_hours", 1..=8760, 24),
            min_task_guarantee: reader.boolean("min_task_guarantee", true),
            safety_timer: reader.seconds("safety_timer_seconds", 1..=3600, 30),
        };
        reader.finish();
        read
    }
}

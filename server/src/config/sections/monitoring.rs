//! Section `monitoring`: when a task that does not move is announced.
//!
//! Keys: `stuck_task_threshold_seconds`.

use std::time::Duration;

use serde::Serialize;

use crate::config::document::seconds;
use crate::config::reader::Reader;

/// When a task that does not move is announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Monitoring {
    /// Time between two announcements of the same stuck task; zero turns them off.
    #[serde(rename = "stuck_task_threshold_seconds", serialize_with = "seconds")]
    pub stuck_task_threshold: Duration,
}

impl Monitoring {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self { stuck_task_threshold: reader.seconds("stuck_task_threshold_seconds", 0..=365 * 24 * 3600, 3600) };
        reader.finish();
        read
    }
}

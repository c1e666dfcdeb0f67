//! Section `questions`: how long a question of an agent may wait for a person.
//!
//! Keys: `timeout_seconds`. A project may have its own time.

use std::time::Duration;

use serde::Serialize;

use crate::config::document::seconds;
use crate::config::reader::Reader;

/// How long questions wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Questions {
    /// After this time the default happens: a permission is denied, any other question frees the agent and the task waits for the answer.
    #[serde(rename = "timeout_seconds", serialize_with = "seconds")]
    pub timeout: Duration,
}

impl Questions {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self { timeout: reader.seconds("timeout_seconds", 1..=366 * 24 * 3600, 24 * 3600) };
        reader.finish();
        read
    }
}

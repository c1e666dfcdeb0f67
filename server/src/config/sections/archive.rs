//! Section `archive`: when finished tasks leave the lists.
//!
//! Keys: `enabled`, `after_hours`, `statuses`.

use serde::Serialize;

use crate::config::reader::{Reader, closest, printable};

/// Statuses a task may be archived from.
const ARCHIVABLE: [&str; 3] = ["COMPLETED", "FAILED", "BLOCKED"];

/// When finished tasks leave the lists.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Archive {
    /// Whether tasks are archived by themselves.
    pub enabled: bool,
    /// Hours after its last change that a task is archived; more than 0.
    pub after_hours: f64,
    /// Names of the statuses that are archived: any of `COMPLETED`, `FAILED`, `BLOCKED`.
    pub statuses: Vec<String>,
}

impl Archive {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self {
            enabled: reader.boolean("enabled", true),
            after_hours: reader.number("after_hours", 0.001, 24.0),
            statuses: reader.texts("statuses", &ARCHIVABLE),
        };
        for (index, status) in read.statuses.iter().enumerate() {
            if !ARCHIVABLE.contains(&status.as_str()) {
                let suggestion = closest(&status.to_uppercase(), ARCHIVABLE.into_iter()).map(|name| format!("did you mean `{name}`?"));
                let message = format!("`{}` is not one of {}", printable(status), ARCHIVABLE.join(", "));
                reader.error(&format!("statuses[{index}]"), message, suggestion);
            }
        }
        reader.finish();
        read
    }
}

//! Section `logging`: what the server writes to its log, and how.
//!
//! Keys: `format`, `filter`, `file`.

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::config::reader::Reader;

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Logging {
    /// Lines for people or for programs.
    pub format: LogFormat,
    /// Directives of `tracing_subscriber`, for example `info,aq_server::store=debug`.
    pub filter: String,
    /// Whether a copy goes to `<home>/logs/aqd.log`.
    pub file: bool,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

impl Logging {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let format = reader.choice("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)], LogFormat::Text);
        let mut filter = reader.text("filter", "info");
        if EnvFilter::try_new(&filter).is_err() {
            let remedy = "for example `info` or `info,aq_server::store=debug`".to_owned();
            reader.error("filter", "is not a list of log directives", Some(remedy));
            filter = "info".to_owned();
        }
        let file = reader.boolean("file", true);
        reader.finish();
        Self { format, filter, file }
    }
}

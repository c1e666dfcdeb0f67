//! Between stored values and domain values. The stored texts are explicit, so that renaming a type never changes old rows.

use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::OwnLimits;
use aq_core::time::Timestamp;

use super::error::StoreError;

/// Reads a stored enumeration.
pub(super) fn read<T>(column: &'static str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| StoreError::Corrupt { column, found: text.chars().take(80).collect() })
}

/// Reads an optional stored enumeration.
pub(super) fn read_optional<T>(
    column: &'static str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| read(column, text, parse)).transpose()
}

/// Reads a stored runtime name.
pub(super) fn runtime(column: &'static str, text: &str) -> Result<RuntimeKind, StoreError> {
    read(column, text, RuntimeKind::parse)
}

/// Reads a stored set of runtimes: names with commas between them.
pub(super) fn runtimes(column: &'static str, text: &str) -> Result<RuntimeSet, StoreError> {
    text.split(',').filter(|name| !name.is_empty()).map(|name| runtime(column, name)).collect()
}

/// Writes a set of runtimes.
pub(super) fn to_runtimes(set: RuntimeSet) -> String {
    set.iter().map(RuntimeKind::as_str).collect::<Vec<_>>().join(",")
}

/// Reads a stored JSON value.
pub(super) fn json<T: serde::de::DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { column, found: error.to_string() })
}

/// Writes a value as JSON. The values stored this way are lists and maps of texts, which always have a JSON form.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// Reads a count that is never negative.
pub(super) fn count(column: &'static str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Corrupt { column, found: value.to_string() })
}

/// Reads a small count that is never negative.
pub(super) fn small(column: &'static str, value: i32) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| StoreError::Corrupt { column, found: value.to_string() })
}

/// Writes a count; what exceeds the column's range is stored as its largest value.
pub(super) fn big(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Writes a small count; what exceeds the column's range is stored as its largest value.
pub(super) fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Reads the limits that a task or a project sets for its runs.
pub(super) fn limits(column: &'static str, time: Option<i64>, silence: Option<i64>) -> Result<OwnLimits, StoreError> {
    let read = |limit: Option<i64>| limit.map(|limit| count(column, limit)).transpose();
    Ok(OwnLimits { time_ms: read(time)?, silence_ms: read(silence)? })
}

/// Reads an optional instant.
pub(super) fn instant(value: Option<i64>) -> Option<Timestamp> {
    value.map(Timestamp::from_millis)
}

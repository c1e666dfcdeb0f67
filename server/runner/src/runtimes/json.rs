//! Looking into JSON of which nothing is certain.
//!
//! Spec: specs/server/runner/runtimes.md

use serde_json::Value;

/// The text at `path`; empty when there is none.
pub(in crate::runtimes) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at `path`; 0 when there is none.
pub(in crate::runtimes) fn count(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_default()
}

/// True when `path` holds `true`.
pub(in crate::runtimes) fn is_true(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or_default()
}

/// The list at `path`; empty when there is none.
pub(in crate::runtimes) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

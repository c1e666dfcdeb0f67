//! What of a tool's input people look at first.
//!
//! Spec: specs/server/runner/runtimes.md

use serde_json::Value;

use super::clip::first_line;

/// Longest summary of a tool call in bytes.
const SUMMARY_BYTES: usize = 300;

/// Fields that tell most, best first.
const TELLING: [&str; 14] = [
    "command",
    "file_path",
    "filePath",
    "notebook_path",
    "absolute_path",
    "path",
    "pattern",
    "url",
    "query",
    "plan",
    "description",
    "prompt",
    "subject",
    "skill",
];

/// The telling part of a tool's input; a path within the work directory is shown from there (F-100).
pub(in crate::runtimes) fn telling(directory: &str, input: &Value) -> String {
    let named = TELLING.iter().find_map(|key| input.get(key).and_then(Value::as_str));
    let any = || input.as_object().and_then(|fields| fields.values().find_map(Value::as_str));
    let question = || input.pointer("/questions/0/question").and_then(Value::as_str);
    let telling = named.or_else(question).or_else(any).unwrap_or_default();
    let inside = telling.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/')).filter(|_| !directory.is_empty());
    first_line(inside.unwrap_or(telling), SUMMARY_BYTES)
}

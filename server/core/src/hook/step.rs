//! What a hook looks at first, and when that says that there is nothing to do (F-143).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The queries that steps may name.
pub const NAMED_QUERIES: [&str; 4] = ["recent_task_results", "task_detail", "recent_events", "hook_runs"];

/// One look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Step {
    /// Runs a program in the project's workspace. No shell is between: each argument is one.
    Shell {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Longest run, in milliseconds.
        timeout_ms: u64,
    },
    /// Reads a file of the project's workspace.
    ReadFile {
        /// Its path, relative to the workspace.
        path: String,
        /// Most lines that are read.
        max_lines: u32,
    },
    /// Reads an address.
    Http {
        /// The address, `http` or `https`.
        url: String,
        /// Longest wait, in milliseconds.
        timeout_ms: u64,
    },
    /// Asks the server itself.
    Query {
        /// One of [`NAMED_QUERIES`].
        name: String,
        /// Its parameters; a value that is one placeholder of the event is filled in.
        params: BTreeMap<String, String>,
    },
    /// What a branch changed.
    GitDiff {
        /// The branch or commit; may be one placeholder of the event.
        branch: String,
        /// Against what; empty: the default branch.
        base: String,
    },
}

/// A look, and what of its outcome means that there is nothing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextStep {
    /// The look.
    #[serde(flatten)]
    pub step: Step,
    /// Nothing to do when the program ends with 0.
    #[serde(default)]
    pub skip_if_exit_zero: bool,
    /// Nothing to do when the outcome has no text and no rows (D-69).
    #[serde(default)]
    pub skip_if_empty: bool,
    /// Nothing to do when the address answers with 2xx.
    #[serde(default)]
    pub skip_if_status_ok: bool,
}

impl Step {
    /// The stored and shown name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Shell { .. } => "shell",
            Self::ReadFile { .. } => "read_file",
            Self::Http { .. } => "http",
            Self::Query { .. } => "query",
            Self::GitDiff { .. } => "git_diff",
        }
    }
}

fn is_empty(result: &Value) -> bool {
    // An error is not emptiness: somebody should see it.
    let failed = result.get("error").is_some();
    let text = |field: &str| result.get(field).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    let rows = result.get("rows").and_then(Value::as_array).is_none_or(Vec::is_empty);
    !failed && rows && ["stdout", "content", "body", "diff"].into_iter().all(text)
}

/// The first reason, in the order of the steps and of the flags, why there is nothing to do (F-143).
#[must_use]
pub fn short_circuit(steps: &[ContextStep], results: &[Value]) -> Option<String> {
    steps.iter().zip(results).enumerate().find_map(|(index, (step, result))| {
        let number = |field: &str| result.get(field).and_then(Value::as_i64);
        if step.skip_if_exit_zero && number("exit_code") == Some(0) {
            return Some(format!("step_{index}: exit code 0 (skip_llm_if_exit_zero)"));
        }
        if step.skip_if_empty && is_empty(result) {
            return Some(format!("step_{index}: output empty (skip_llm_if_empty)"));
        }
        let status = number("status_code").filter(|status| step.skip_if_status_ok && (200..300).contains(status));
        status.map(|status| format!("step_{index}: HTTP {status} (skip_llm_if_status_ok)"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(flags: (bool, bool, bool)) -> ContextStep {
        let step = Step::Http { url: "https://x".into(), timeout_ms: 1 };
        ContextStep { step, skip_if_exit_zero: flags.0, skip_if_empty: flags.1, skip_if_status_ok: flags.2 }
    }

    /// F-143: the three flags, their reasons, and the first one wins.
    #[test]
    fn short_circuits_name_their_reason() {
        let all = step((true, true, true));
        for (result, reason) in [
            (json!({ "exit_code": 0, "stdout": "" }), Some("step_0: exit code 0 (skip_llm_if_exit_zero)")),
            (json!({ "exit_code": 1, "stdout": " \n" }), Some("step_0: output empty (skip_llm_if_empty)")),
            (json!({ "status_code": 204, "body": "x" }), Some("step_0: HTTP 204 (skip_llm_if_status_ok)")),
            (json!({ "status_code": 300, "body": "x" }), None),
            (json!({ "exit_code": 1, "stdout": "boom" }), None),
            (json!({ "rows": [], "count": 0 }), Some("step_0: output empty (skip_llm_if_empty)")),
            (json!({ "rows": [1], "count": 1 }), None),
            (json!({ "error": "gone" }), None),
        ] {
            assert_eq!(short_circuit(std::slice::from_ref(&all), std::slice::from_ref(&result)).as_deref(), reason, "{result}");
        }
        let none = step((false, false, false));
        let results = [json!({ "exit_code": 0 }), json!({ "exit_code": 0, "body": "x" })];
        assert_eq!(
            short_circuit(&[none.clone(), step((true, false, false))], &results).as_deref(),
            Some("step_1: exit code 0 (skip_llm_if_exit_zero)")
        );
        assert_eq!(short_circuit(&[none], &results), None);
    }
}

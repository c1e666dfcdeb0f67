//! The JSON lines between the scripted agent and its normaliser (scripted R2).
//!
//! Spec: specs/server/runner/scripted.md

use std::io::Write;

use serde::{Deserialize, Serialize};

/// A line of the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "aq", rename_all = "snake_case")]
pub(super) enum Said {
    Session {
        id: String,
        model: String,
        version: String,
    },
    Say {
        text: String,
    },
    Think {
        text: String,
    },
    Tool {
        id: String,
        name: String,
        summary: String,
        input: serde_json::Value,
    },
    ToolResult {
        id: String,
        error: bool,
        text: String,
    },
    Usage {
        id: String,
        input: u64,
        output: u64,
    },
    Limit {
        window: String,
        status: Status,
        #[serde(default)]
        used: Option<f64>,
        #[serde(default)]
        resets_at_ms: Option<i64>,
    },
    Question {
        id: String,
        kind: Kind,
        text: String,
        #[serde(default)]
        tool: String,
        #[serde(default)]
        detail: String,
        #[serde(default)]
        options: Vec<String>,
    },
    Closed {
        id: String,
        answer: String,
    },
    Delivered {
        id: String,
    },
    Error {
        text: String,
    },
    Result {
        success: bool,
        text: String,
        /// The failure class; empty: `agent`.
        #[serde(default)]
        class: String,
        /// The window of a limit; empty: no limit.
        #[serde(default)]
        window: String,
        #[serde(default)]
        resets_at_ms: Option<i64>,
    },
}

/// How a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Warning,
    Rejected,
}

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Question,
    Permission,
    Plan,
}

/// A line to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "aq", rename_all = "snake_case")]
pub(super) enum Told {
    Start { task: String, title: String, prompt: String, session: String, resume: bool },
    Answer { id: String, verdict: Verdict, text: String },
    Message { id: String, text: String },
    Interrupt,
}

/// What was decided about a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Text,
    Allow,
    Deny,
}

/// A value as a line.
pub(super) fn line<T: Serialize>(value: &T) -> Vec<u8> {
    // These types hold only strings and numbers, which always have a JSON form.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Writes one line; an agent whose output is gone has nothing left to do, and its input ends soon.
pub(super) fn print(stdout: &mut impl Write, said: &Said) {
    let written = stdout.write_all(&line(said)).and_then(|()| stdout.flush());
    drop(written);
}

//! The forms in which side items and outcomes are kept in a cursor.
//!
//! Spec: specs/server/runner/service.md

use aq_core::output::{FailureClass, LineStream, OutputBody};
use aq_core::runner_link::{RunOutcome, StopReason};
use aq_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A side item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SideItem {
    Note { text: String },
    QuestionClosed { request_id: String, answer: String },
    Line { stderr: bool, text: String, truncated: bool },
    Gap { bytes: u64, reason: String },
    Error { text: String },
}

impl SideItem {
    /// A note of ours.
    pub(super) fn note(text: impl Into<String>) -> Self {
        Self::Note { text: text.into() }
    }

    /// The side item of a body that may be one; others become notes of their kind's words.
    pub(super) fn of(body: OutputBody) -> Option<Self> {
        Some(match body {
            OutputBody::Note { text } => Self::Note { text },
            OutputBody::QuestionClosed { request_id, answer } => Self::QuestionClosed { request_id, answer },
            OutputBody::Line { stream, text, truncated } => Self::Line { stderr: stream == LineStream::Stderr, text, truncated },
            OutputBody::Gap { bytes, reason } => Self::Gap { bytes, reason },
            OutputBody::Error { text } => Self::Error { text },
            _ => return None,
        })
    }

    /// What is reported.
    pub(super) fn into_body(self) -> OutputBody {
        match self {
            Self::Note { text } => OutputBody::Note { text },
            Self::QuestionClosed { request_id, answer } => OutputBody::QuestionClosed { request_id, answer },
            Self::Line { stderr, text, truncated } => {
                let stream = if stderr { LineStream::Stderr } else { LineStream::Stdout };
                OutputBody::Line { stream, text, truncated }
            }
            Self::Gap { bytes, reason } => OutputBody::Gap { bytes, reason },
            Self::Error { text } => OutputBody::Error { text },
        }
    }
}

/// Why a run is stopped, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredStop {
    Operator,
    Shutdown,
    Limit,
    Fenced,
}

impl From<StopReason> for StoredStop {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Operator => Self::Operator,
            StopReason::Shutdown => Self::Shutdown,
            StopReason::Limit => Self::Limit,
            StopReason::Fenced => Self::Fenced,
        }
    }
}

impl StoredStop {
    pub(super) const fn reason(self) -> StopReason {
        match self {
            Self::Operator => StopReason::Operator,
            Self::Shutdown => StopReason::Shutdown,
            Self::Limit => StopReason::Limit,
            Self::Fenced => StopReason::Fenced,
        }
    }

    /// The name told to the shim.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Shutdown => "shutdown",
            Self::Limit => "limit",
            Self::Fenced => "fenced",
        }
    }
}

/// How a run ended, to be told again (service R7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredEnd {
    outcome: StoredOutcome,
    exit_code: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredOutcome {
    Succeeded { summary: String },
    Failed { class: String, message: String },
    Limited { window: String, resets_at_ms: Option<i64>, message: String },
    Stopped { reason: StoredStop },
}

impl StoredEnd {
    pub(super) fn new(outcome: &RunOutcome, exit_code: Option<i32>) -> Self {
        let outcome = match outcome.clone() {
            RunOutcome::Succeeded { summary } => StoredOutcome::Succeeded { summary },
            RunOutcome::Failed { class, message } => StoredOutcome::Failed { class: class.as_str().to_owned(), message },
            RunOutcome::Limited { window, resets_at, message } => {
                StoredOutcome::Limited { window, resets_at_ms: resets_at.map(Timestamp::as_millis), message }
            }
            RunOutcome::Stopped { reason } => StoredOutcome::Stopped { reason: reason.into() },
        };
        Self { outcome, exit_code }
    }

    pub(super) fn told(self) -> (RunOutcome, Option<i32>) {
        let outcome = match self.outcome {
            StoredOutcome::Succeeded { summary } => RunOutcome::Succeeded { summary },
            StoredOutcome::Failed { class, message } => {
                RunOutcome::Failed { class: FailureClass::parse(&class).unwrap_or(FailureClass::Internal), message }
            }
            StoredOutcome::Limited { window, resets_at_ms, message } => {
                RunOutcome::Limited { window, resets_at: resets_at_ms.map(Timestamp::from_millis), message }
            }
            StoredOutcome::Stopped { reason } => RunOutcome::Stopped { reason: reason.reason() },
        };
        (outcome, self.exit_code)
    }
}

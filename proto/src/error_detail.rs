//! The structured part of an error: what a program can act on, beside the sentence for people.
//!
//! Which code and reason an error has is chosen by whoever makes it. Here is only how it travels.
//!
//! Spec: specs/proto/errors.md

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of every reason of ours.
pub const DOMAIN: &str = "agentqueue.v1";

/// Most field violations that travel; the rest is counted in the metadata `violations_total`.
pub const MAX_VIOLATIONS: usize = 20;

/// Longest text within the details, in bytes. Details travel in a header, and headers are limited.
const MAX_TEXT_BYTES: usize = 300;

/// Reasons that are the same for every caller because the transport gives them.
pub mod reason {
    /// No key was given, or not one that is known.
    pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    /// The key may not do this.
    pub const PERMISSION_DENIED: &str = "PERMISSION_DENIED";
    /// Too many wrong keys from this peer.
    pub const TOO_MANY_BAD_KEYS: &str = "TOO_MANY_BAD_KEYS";
    /// Too many calls of this key.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// Too many open streams of this key.
    pub const TOO_MANY_STREAMS: &str = "TOO_MANY_STREAMS";
    /// The server has too much to do.
    pub const OVERLOADED: &str = "OVERLOADED";
    /// The deadline passed before there was an answer.
    pub const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
    /// The reader of a stream did not keep up; it resumes behind the last number received.
    pub const SLOW_READER: &str = "SLOW_READER";
    /// The server ends.
    pub const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
    /// A newer stream of the same durable reader took the lease over.
    pub const LEASE_TAKEN: &str = "LEASE_TAKEN";
    /// The message could not be read, or is too large.
    pub const BAD_MESSAGE: &str = "BAD_MESSAGE";
}

/// A field of the request that is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path in the request, for example `tasks[2].priority`.
    pub field: String,
    /// What is wrong and what would be right, in one sentence.
    pub description: String,
}

/// The thing that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its kind: `task`, `project`, `run`, …
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// The structured part of an error. Contract R10.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetail {
    /// What went wrong, in UPPER_SNAKE words that never change.
    pub reason: String,
    /// Facts by name.
    pub metadata: BTreeMap<String, String>,
    /// The fields at fault.
    pub violations: Vec<FieldViolation>,
    /// How long to wait before the same call makes sense again.
    pub retry_after: Option<Duration>,
    /// What it is about.
    pub resource: Option<Resource>,
}

impl ErrorDetail {
    /// A detail with a reason and nothing else.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Adds a field at fault.
    #[must_use]
    pub fn with_violation(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.violations.push(FieldViolation { field: field.into(), description: description.into() });
        self
    }

    /// Says when the call may be repeated.
    #[must_use]
    pub const fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Says what the error is about.
    #[must_use]
    pub fn with_resource(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.resource = Some(Resource { kind: kind.into(), id: id.into() });
        self
    }

    /// The error as it travels: `message` is for people, the detail for programs. Long texts and lists are cut, and the cut is told.
    #[must_use]
    pub fn into_status(mut self, code: Code, message: impl Into<String>) -> Status {
        let total = self.violations.len();
        if total > MAX_VIOLATIONS {
            self.violations.truncate(MAX_VIOLATIONS);
            self.metadata.insert("violations_total".to_owned(), total.to_string());
        }
        let mut details = ErrorDetails::new();
        let metadata: HashMap<String, String> = self.metadata.into_iter().map(|(name, value)| (name, cut(&value))).collect();
        details.set_error_info(self.reason, DOMAIN, metadata);
        for violation in self.violations {
            details.add_bad_request_violation(cut(&violation.field), cut(&violation.description));
        }
        if let Some(delay) = self.retry_after {
            details.set_retry_info(Some(delay));
        }
        if let Some(resource) = self.resource {
            details.set_resource_info(resource.kind, cut(&resource.id), "", "");
        }
        Status::with_error_details(code, message, details)
    }

    /// Reads the detail of an error of our contract. `None` when there is none, or when it is of another domain.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        if status.details().is_empty() {
            return None;
        }
        let details = status.check_error_details().ok()?;
        let info = details.error_info().filter(|info| info.domain == DOMAIN)?;
        Some(Self {
            reason: info.reason.clone(),
            metadata: info.metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            violations: details
                .bad_request()
                .map(|request| {
                    let each = request.field_violations.iter();
                    each.map(|v| FieldViolation { field: v.field.clone(), description: v.description.clone() }).collect()
                })
                .unwrap_or_default(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            resource: details.resource_info().map(|info| Resource { kind: info.resource_type.clone(), id: info.resource_name.clone() }),
        })
    }

    /// True when `status` carries this reason of our contract.
    #[must_use]
    pub fn is(status: &Status, reason: &str) -> bool {
        Self::of(status).is_some_and(|detail| detail.reason == reason)
    }
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text.to_owned();
    }
    let end = (0..=MAX_TEXT_BYTES - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract R10: a detail survives the wire as it was.
    #[test]
    fn a_detail_survives_the_wire() {
        let detail = ErrorDetail::new("TASK_NOT_FOUND")
            .with("project", "web")
            .with_violation("task_id", "task `swift-falcon` does not exist")
            .with_retry_after(Duration::from_secs(2))
            .with_resource("task", "swift-falcon");
        let status = detail.clone().into_status(Code::NotFound, "task `swift-falcon` not found");
        let http = status.into_http::<String>();
        let back = Status::from_header_map(http.headers()).unwrap();
        assert_eq!(back.code(), Code::NotFound);
        assert_eq!(back.message(), "task `swift-falcon` not found");
        assert_eq!(ErrorDetail::of(&back), Some(detail));
        assert!(ErrorDetail::is(&back, "TASK_NOT_FOUND"));
    }

    /// Errors R3: details stay small enough for a header, and what was cut is told.
    #[test]
    fn large_details_are_cut_visibly() {
        let mut detail = ErrorDetail::new("INVALID").with("text", "ä".repeat(4000));
        for index in 0..500 {
            detail = detail.with_violation(format!("tasks[{index}].title"), "x".repeat(4000));
        }
        let status = detail.into_status(Code::InvalidArgument, "500 fields are wrong");
        assert!(status.details().len() < 8 * 1024, "{}", status.details().len());
        let back = ErrorDetail::of(&status).unwrap();
        assert_eq!(back.violations.len(), MAX_VIOLATIONS);
        assert_eq!(back.metadata.get("violations_total").map(String::as_str), Some("500"));
        assert!(back.metadata.get("text").is_some_and(|text| text.ends_with('…')));
    }

    /// Errors R2: a status of someone else has no detail of ours.
    #[test]
    fn foreign_errors_have_no_detail() {
        assert_eq!(ErrorDetail::of(&Status::unavailable("gone")), None);
        let foreign = Status::with_error_details(Code::Internal, "x", ErrorDetails::with_error_info("X", "example.org", HashMap::new()));
        assert_eq!(ErrorDetail::of(&foreign), None);
    }
}

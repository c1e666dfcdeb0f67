//! Why a command was not carried out, told apart by what the caller can do about it. The status code is chosen elsewhere.

use aq_core::ids::InvalidId;
use aq_core::task::TaskStatus;

use crate::lifecycle::LifecycleError;
use crate::store::StoreError;

/// One thing wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, as the API names it; nested fields with dots, list entries with their position in brackets.
    pub field: String,
    /// What is wrong and what would be right, one sentence.
    pub problem: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Fields of the request are missing or wrong; all of them are listed.
    #[error("{}", sentence(.0))]
    Invalid(Vec<Violation>),
    /// The thing does not exist, or the caller may not know that it does.
    #[error("{kind} `{id}` not found")]
    NotFound {
        /// What was looked for, for example `task`.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// A thing of this name exists or existed.
    #[error("{kind} `{id}` exists already")]
    Exists {
        /// What was to be made.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The state of things does not allow it.
    #[error("{message}")]
    Precondition {
        /// For programs: UPPER_SNAKE.
        reason: &'static str,
        /// For people: what is in the way and what to do.
        message: String,
    },
    /// Somebody else changed the same thing at the same time; the same call may be made again.
    #[error("{0}; try again")]
    Conflict(String),
    /// The caller's key does not reach this.
    #[error("{0}")]
    Denied(String),
    /// The machine or the database refuses for now.
    #[error("{0}")]
    Unavailable(String),
    /// The disk takes nothing more.
    #[error("{0}")]
    Full(String),
    /// Another program holds the database.
    #[error("{0}")]
    Locked(String),
    /// What is stored cannot be read.
    #[error("{0}")]
    Damaged(String),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

fn sentence(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("{}: {}", violation.field, violation.problem)).collect::<Vec<_>>().join("; ")
}

impl CommandError {
    /// True when the same call may succeed later without a change of it.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_) | Self::Locked(_))
    }

    /// One wrong field.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(field, problem)])
    }

    /// A state that does not allow the command.
    pub fn precondition(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Precondition { reason, message: message.into() }
    }

    /// A field that holds no id.
    #[must_use]
    pub fn id(field: &str, error: &InvalidId) -> Self {
        Self::invalid(field, error.to_string())
    }

    /// A task whose status does not allow the command.
    pub(super) fn status(reason: &'static str, task: &str, status: TaskStatus, what: &str) -> Self {
        Self::precondition(reason, format!("task `{task}` is {status}: {what}"))
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Closed => Self::Unavailable(error.to_string()),
            StoreError::Full(_) => Self::Full(error.to_string()),
            StoreError::Locked(_) => Self::Locked(error.to_string()),
            StoreError::Corrupt { .. } | StoreError::Damaged(_) => Self::Damaged(error.to_string()),
            StoreError::Conflict(_) => Self::Conflict("the record was changed or exists already".to_owned()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<LifecycleError> for CommandError {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Invalid { .. } => Self::precondition("INVALID_TRANSITION", error.to_string()),
            LifecycleError::Stale { .. } => Self::Conflict(error.to_string()),
            LifecycleError::Rule { .. } => Self::precondition("INVARIANT", error.to_string()),
            LifecycleError::Store(error) => error.into(),
        }
    }
}

//! The one place that chooses a status code: why a call was not carried out, as it travels.

use std::time::Duration;

use aq_core::chat::ModelError;
use aq_proto::error_detail::{ErrorDetail, reason};
use tonic::Code;
pub(super) use tonic::Status;

use super::talk::TalkError;
use crate::commands::{CommandError, Violation};
use crate::documents::DocumentError;
use crate::events::OutputError;
use crate::lifecycle::LifecycleError;
use crate::store::StoreError;

/// The answer of a call.
pub(super) type Reply<T> = Result<tonic::Response<T>, Status>;

/// The stream of an answer.
pub(super) type Stream<T> = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<T, Status>> + Send>>;

/// Why a call was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The command refused.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The transport let a call through without a principal; only a mistake in composing the server can cause it.
    #[error("the call came without an API key")]
    NoPrincipal,
    /// The role may not make the call.
    #[error("an API key with role {role} may not call {path}")]
    Forbidden {
        /// The role.
        role: &'static str,
        /// The call.
        path: &'static str,
    },
    /// The call is about what serves every project, and the caller is limited to some.
    #[error("this concerns every project, and the key does not reach them all; use a key without the limit")]
    WholeServer,
    /// The id of the request was used for another request.
    #[error("request_id `{0}` was used for a different request within the last 24 hours; use a new one")]
    RequestIdReused(String),
    /// A newer stream of the same durable reader took its lease over.
    #[error("a newer stream of reader `{0}` took the lease over")]
    LeaseTaken(String),
    /// There is no answer to what was said.
    #[error(transparent)]
    Talk(#[from] TalkError),
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Command(error.into())
    }
}

impl From<LifecycleError> for ApiError {
    fn from(error: LifecycleError) -> Self {
        Self::Command(error.into())
    }
}

impl From<OutputError> for ApiError {
    fn from(error: OutputError) -> Self {
        Self::Command(CommandError::Internal(error.to_string()))
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        let sentence = error.to_string();
        Self::Command(match error {
            DocumentError::Missing(id) => CommandError::NotFound { kind: "document", id },
            DocumentError::NotPlain(_) => CommandError::precondition("NOT_A_FILE", sentence),
            DocumentError::Changed(_) => CommandError::precondition("NOTE_CHANGED", sentence),
            DocumentError::TooMany(_) => CommandError::precondition("TOO_MANY_DOCUMENTS", sentence),
            DocumentError::TooLong(_) => CommandError::invalid("text", sentence),
            DocumentError::Io { .. } => CommandError::Unavailable(sentence),
        })
    }
}

impl ApiError {
    /// One wrong field.
    pub(super) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Command(CommandError::invalid(field, problem))
    }

    /// A thing that is not there, or that the caller may not know of.
    pub(super) fn not_found(kind: &'static str, id: impl Into<String>) -> Self {
        Self::Command(CommandError::NotFound { kind, id: id.into() })
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let sentence = error.to_string();
        match error {
            ApiError::Command(error) => command(error, sentence),
            ApiError::NoPrincipal => ErrorDetail::new(reason::UNAUTHENTICATED).into_status(Code::Unauthenticated, sentence),
            ApiError::Forbidden { role, path } => ErrorDetail::new(reason::PERMISSION_DENIED)
                .with("role", role)
                .with("method", path)
                .into_status(Code::PermissionDenied, sentence),
            ApiError::WholeServer => ErrorDetail::new(reason::PERMISSION_DENIED).into_status(Code::PermissionDenied, sentence),
            ApiError::RequestIdReused(_) => ErrorDetail::new("REQUEST_ID_REUSED")
                .with_violation("request_id", "was used for a different request; use a new one")
                .into_status(Code::InvalidArgument, sentence),
            ApiError::Talk(error) => talk(&error, sentence),
            ApiError::LeaseTaken(_) => ErrorDetail::new(reason::LEASE_TAKEN).into_status(Code::FailedPrecondition, sentence),
        }
    }
}

/// A turn of the chat that came to nothing.
fn talk(error: &TalkError, sentence: String) -> Status {
    match error {
        TalkError::Model(error) | TalkError::Broken { error, .. } => model(error, sentence),
        TalkError::Busy(_) => {
            ErrorDetail::new("CHAT_BUSY").with_retry_after(Duration::from_secs(2)).into_status(Code::ResourceExhausted, sentence)
        }
        TalkError::TimeUp(_) => ErrorDetail::new(reason::DEADLINE_EXCEEDED).into_status(Code::DeadlineExceeded, sentence),
        TalkError::Ending => {
            ErrorDetail::new(reason::SHUTTING_DOWN).with_retry_after(Duration::from_secs(1)).into_status(Code::Unavailable, sentence)
        }
    }
}

fn model(error: &ModelError, sentence: String) -> Status {
    let (code, reason) = match error {
        ModelError::NotConfigured(_) => (Code::FailedPrecondition, "CHAT_NOT_CONFIGURED"),
        ModelError::Auth(_) => (Code::FailedPrecondition, "CHAT_LOGIN_REFUSED"),
        ModelError::Rejected(_) => (Code::FailedPrecondition, "MODEL_REJECTED"),
        ModelError::Limited { .. } => (Code::ResourceExhausted, "MODEL_LIMITED"),
        ModelError::Overloaded(_) | ModelError::Unreachable(_) | ModelError::Cut(_) => (Code::Unavailable, "MODEL_UNAVAILABLE"),
        ModelError::Malformed(_) => (Code::Unavailable, "MODEL_UNREADABLE"),
    };
    let detail = ErrorDetail::new(reason);
    let detail = match error {
        ModelError::Limited { retry_after_ms: Some(wait), .. } => detail.with_retry_after(Duration::from_millis(*wait)),
        _ => detail,
    };
    detail.into_status(code, sentence)
}

/// The name of the code that says that a caller had no right; `None` for every other ending. `limited`: the caller's key reaches some projects only, and what
/// it does not reach is not there for it.
pub(super) fn lacks_right(status: &Status, limited: bool) -> Option<&'static str> {
    match status.code() {
        Code::PermissionDenied => Some("PERMISSION_DENIED"),
        Code::NotFound if limited => Some("NOT_FOUND"),
        _ => None,
    }
}

/// `task` → `TASK`, for reasons.
fn upper(kind: &str) -> String {
    kind.replace([' ', '-'], "_").to_ascii_uppercase()
}

fn command(error: CommandError, sentence: String) -> Status {
    match error {
        CommandError::Invalid(violations) => {
            let each = |detail: ErrorDetail, Violation { field, problem }| detail.with_violation(field, problem);
            violations.into_iter().fold(ErrorDetail::new("INVALID_ARGUMENT"), each).into_status(Code::InvalidArgument, sentence)
        }
        CommandError::NotFound { kind, id } => {
            ErrorDetail::new(format!("{}_NOT_FOUND", upper(kind))).with_resource(kind, id).into_status(Code::NotFound, sentence)
        }
        CommandError::Exists { kind, id } => {
            ErrorDetail::new(format!("{}_EXISTS", upper(kind))).with_resource(kind, id).into_status(Code::AlreadyExists, sentence)
        }
        CommandError::Precondition { reason, .. } => ErrorDetail::new(reason).into_status(Code::FailedPrecondition, sentence),
        CommandError::Conflict(_) => {
            ErrorDetail::new("CONFLICT").with_retry_after(Duration::from_millis(100)).into_status(Code::Aborted, sentence)
        }
        CommandError::Denied(_) => ErrorDetail::new(reason::PERMISSION_DENIED).into_status(Code::PermissionDenied, sentence),
        CommandError::Unavailable(cause) => {
            let id = logged(&cause);
            refuses(
                "STORE_UNAVAILABLE",
                &id,
                format!("the server cannot store anything at the moment; try again (its log has more under {id})"),
            )
        }
        CommandError::Full(cause) => {
            let id = logged(&cause);
            let sentence = "the disk of the server takes nothing more: it is full, over a quota, or failing; make room on the disk of its data directory and try \
                            again, what was stored before is safe";
            refuses("DISK_FULL", &id, format!("{sentence} (its log has more under {id})"))
        }
        CommandError::Locked(cause) => {
            let id = logged(&cause);
            let sentence = "another program holds the server's database (a backup or an open shell, for example); end it or wait for it, and try again";
            refuses("DATABASE_LOCKED", &id, format!("{sentence} (its log has more under {id})"))
        }
        CommandError::Damaged(cause) => {
            let id = logged(&cause);
            let sentence = "what is stored of it cannot be read: the database is damaged, or another program changed it; what is wrong and what helps: aqctl doctor";
            ErrorDetail::new("DATA_DAMAGED")
                .with("error_id", &id)
                .into_status(Code::DataLoss, format!("{sentence} (the server's log has more under {id})"))
        }
        CommandError::Internal(cause) => {
            let id = logged(&cause);
            ErrorDetail::new("INTERNAL")
                .with("error_id", &id)
                .into_status(Code::Internal, format!("an error of the server itself; its log has more under {id}"))
        }
    }
}

/// The machine refuses for now.
fn refuses(reason: &str, id: &str, sentence: String) -> Status {
    ErrorDetail::new(reason).with("error_id", id).with_retry_after(Duration::from_secs(1)).into_status(Code::Unavailable, sentence)
}

/// Logs what callers must not see (paths, SQL) under an id that they are told.
fn logged(cause: &str) -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    tracing::error!(error_id = %id, cause, "a call failed for a reason of the server");
    id
}

/// How a stream ends when the server does.
pub(super) fn shutting_down() -> Status {
    ErrorDetail::new(reason::SHUTTING_DOWN)
        .with_retry_after(Duration::from_secs(1))
        .into_status(Code::Unavailable, "the server ends; the stream can be resumed when it is back")
}

/// How a stream ends whose reader does not read.
pub(super) fn slow_reader(after: u64) -> Status {
    ErrorDetail::new(reason::SLOW_READER)
        .with("after_seq", after.to_string())
        .into_status(Code::Aborted, format!("the reader did not keep up; resume behind number {after}"))
}

/// How a stream ends whose durable reader was taken over.
pub(super) fn lease_taken(consumer: &str) -> Status {
    ErrorDetail::new(reason::LEASE_TAKEN).into_status(Code::Aborted, ApiError::LeaseTaken(consumer.to_owned()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: impl Into<ApiError>) -> (Code, String, String) {
        let status = Status::from(error.into());
        let detail = ErrorDetail::of(&status).unwrap();
        (status.code(), detail.reason, status.message().to_owned())
    }

    /// Api R4, D-80: the code and the reason follow from the error, and causes of the server stay in its log.
    #[test]
    fn every_error_has_a_code_a_reason_and_a_sentence() {
        let missing = CommandError::NotFound { kind: "task", id: "a-b".into() };
        assert_eq!(told(missing), (Code::NotFound, "TASK_NOT_FOUND".into(), "task `a-b` not found".into()));
        let refused = CommandError::precondition("TASK_RUNNING", "stop it first");
        assert_eq!(told(refused), (Code::FailedPrecondition, "TASK_RUNNING".into(), "stop it first".into()));
        let (code, reason, message) = told(StoreError::Database("near \"SELEC\": /home/u/db".into()));
        assert_eq!((code, reason.as_str()), (Code::Internal, "INTERNAL"));
        assert!(!message.contains("SELEC") && !message.contains("/home"), "{message}");
        let refusals = [
            (StoreError::Unavailable("gone /x".into()), "STORE_UNAVAILABLE", "try again"),
            (StoreError::Full("disk I/O error /x".into()), "DISK_FULL", "make room"),
            (StoreError::Locked("database is locked /x".into()), "DATABASE_LOCKED", "end it or wait"),
        ];
        for (error, says, remedy) in refusals {
            let (code, reason, message) = told(error);
            assert_eq!((code, reason.as_str()), (Code::Unavailable, says));
            assert!(message.contains(remedy) && !message.contains("/x"), "{message}");
        }
        let (code, reason, message) = told(StoreError::Corrupt { column: "tasks.needs", found: "secret".into() });
        assert_eq!((code, reason.as_str()), (Code::DataLoss, "DATA_DAMAGED"));
        assert!(message.contains("aqctl doctor") && !message.contains("secret"), "{message}");
        let (code, reason, message) = told(StoreError::Damaged("database disk image is malformed".into()));
        assert_eq!((code, reason.as_str()), (Code::DataLoss, "DATA_DAMAGED"));
        assert!(message.contains("damaged") && !message.contains("malformed"), "{message}");
        assert_eq!(told(ApiError::RequestIdReused("x".into())).0, Code::InvalidArgument);
        assert_eq!(told(CommandError::Conflict("x".into())).0, Code::Aborted);
    }
}

//! Answers of the transport itself: the reasons of specs/proto/errors.md with their codes and sentences.

use std::time::Duration;

use aq_proto::error_detail::{ErrorDetail, reason};
use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};

/// An answer that consists of a status only.
pub(super) fn respond(status: Status) -> Response<Body> {
    status.into_http()
}

pub(super) fn no_key() -> Status {
    ErrorDetail::new(reason::UNAUTHENTICATED)
        .into_status(Code::Unauthenticated, "an API key is needed: send `authorization: Bearer aq_<kid>_<secret>`")
}

pub(super) fn wrong_key() -> Status {
    ErrorDetail::new(reason::UNAUTHENTICATED)
        .into_status(Code::Unauthenticated, "the API key is not known, has expired, or was revoked; ask an administrator for a new one")
}

pub(super) fn too_many_wrong_keys(wait: Duration) -> Status {
    ErrorDetail::new(reason::TOO_MANY_BAD_KEYS)
        .with_retry_after(wait)
        .into_status(Code::ResourceExhausted, "too many wrong API keys from here; wait a minute and use the right one")
}

pub(super) fn keys_unavailable() -> Status {
    Status::unavailable("API keys cannot be checked at the moment; try again")
}

pub(super) fn not_permitted(path: &str, role: &str) -> Status {
    ErrorDetail::new(reason::PERMISSION_DENIED)
        .with("method", path)
        .with("role", role)
        .into_status(Code::PermissionDenied, format!("an API key with role {role} may not call {path}"))
}

pub(super) fn on_behalf_refused() -> Status {
    ErrorDetail::new(reason::PERMISSION_DENIED)
        .into_status(Code::PermissionDenied, "only a gateway's or administrator's key may act on behalf of a person")
}

pub(super) fn bad_person() -> Status {
    ErrorDetail::new(reason::BAD_MESSAGE)
        .with_violation("x-aq-on-behalf-of", "must be 1 to 128 visible ASCII characters")
        .into_status(Code::InvalidArgument, "x-aq-on-behalf-of must be 1 to 128 visible ASCII characters")
}

pub(super) fn bad_role() -> Status {
    let rule = "must be viewer, operator or admin, together with x-aq-on-behalf-of";
    ErrorDetail::new(reason::BAD_MESSAGE)
        .with_violation("x-aq-acting-role", rule)
        .into_status(Code::InvalidArgument, format!("x-aq-acting-role {rule}"))
}

pub(super) fn not_permitted_to_person(path: &str, role: &str) -> Status {
    ErrorDetail::new(reason::PERMISSION_DENIED)
        .with("method", path)
        .with("role", role)
        .into_status(Code::PermissionDenied, format!("somebody with role {role} may not call {path}"))
}

pub(super) fn unknown_method(path: &str) -> Status {
    let version = env!("CARGO_PKG_VERSION");
    Status::unimplemented(format!("this server (version {version}) does not know {path}; client and server may differ in version"))
}

pub(super) fn rate_limited(wait: Duration) -> Status {
    ErrorDetail::new(reason::RATE_LIMITED)
        .with_retry_after(wait)
        .into_status(Code::ResourceExhausted, format!("too many calls with this API key; try again in {} ms", wait.as_millis()))
}

pub(super) fn too_many_calls(most: usize) -> Status {
    ErrorDetail::new(reason::RATE_LIMITED).with("limit", most.to_string()).with_retry_after(Duration::from_secs(1)).into_status(
        Code::ResourceExhausted,
        format!("{most} calls from here are open already; take their answers first, or try again in a second"),
    )
}

pub(super) fn too_many_streams(most: usize) -> Status {
    ErrorDetail::new(reason::TOO_MANY_STREAMS)
        .with("limit", most.to_string())
        .into_status(Code::ResourceExhausted, format!("this API key has {most} open streams already; close one first"))
}

pub(super) fn overloaded() -> Status {
    ErrorDetail::new(reason::OVERLOADED)
        .with_retry_after(Duration::from_secs(1))
        .into_status(Code::ResourceExhausted, "the server has too many calls at once; try again in a second")
}

pub(super) fn deadline_passed(length: Duration) -> Status {
    ErrorDetail::new(reason::DEADLINE_EXCEEDED).into_status(
        Code::DeadlineExceeded,
        format!("there was no answer within {} ms; what was asked may still happen", length.as_millis()),
    )
}

pub(super) fn bad_deadline() -> Status {
    ErrorDetail::new(reason::BAD_MESSAGE)
        .with_violation("grpc-timeout", "must be 1 to 8 digits and one of H M S m u n")
        .into_status(Code::InvalidArgument, "grpc-timeout must be 1 to 8 digits and one of H M S m u n")
}

pub(super) fn shutting_down() -> Status {
    ErrorDetail::new(reason::SHUTTING_DOWN)
        .with_retry_after(Duration::from_secs(1))
        .into_status(Code::Unavailable, "the server ends; the stream can be resumed when it is back")
}

pub(super) fn internal(call_id: &str) -> Status {
    Status::internal(format!("an error of the server itself; its log has more under request id {call_id}"))
}

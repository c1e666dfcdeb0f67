//! One connection with everything a call needs put on it: the key, whom it is for, and a deadline.
//!
//! Spec: specs/proto/client.md

use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status, TimeoutExpired};

use crate::error_detail::{ErrorDetail, reason};
use crate::methods::is_server_streaming;

/// Header that names the person a gateway acts for.
pub(super) const ON_BEHALF_OF: &str = "x-aq-on-behalf-of";
/// Header with the most that this person may do.
pub(super) const ACTING_ROLE: &str = "x-aq-acting-role";
const DEADLINE: &str = "grpc-timeout";

/// What every call of a connection carries.
#[derive(Debug)]
pub(super) struct CallHeaders {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) on_behalf_of: Option<HeaderValue>,
    /// The most that this person may do.
    pub(super) acting_role: Option<HeaderValue>,
    /// The deadline of calls that answer once and bring none of their own.
    pub(super) deadline: Duration,
    /// The endpoint in words, for errors.
    pub(super) endpoint: String,
}

/// The transport under the typed clients. Cloning is cheap; clones share the connection.
#[derive(Clone, Debug)]
pub struct AqChannel {
    inner: Channel,
    headers: Arc<CallHeaders>,
}

impl AqChannel {
    pub(super) fn new(inner: Channel, headers: CallHeaders) -> Self {
        Self { inner, headers: Arc::new(headers) }
    }

    /// The same connection acting for another person. `person` is given in the gateway's words, for example `discord:1234`; `None` when
    /// it holds characters that a header cannot carry.
    #[must_use]
    pub fn on_behalf_of(&self, person: &str) -> Option<Self> {
        let headers = CallHeaders {
            authorization: self.headers.authorization.clone(),
            on_behalf_of: Some(HeaderValue::from_str(person).ok()?),
            acting_role: None,
            deadline: self.headers.deadline,
            endpoint: self.headers.endpoint.clone(),
        };
        Some(Self { inner: self.inner.clone(), headers: Arc::new(headers) })
    }

    /// As [`AqChannel::on_behalf_of`], where the person may do no more than `role`: `viewer`, `operator` or `admin`.
    #[must_use]
    pub fn acting_as(&self, person: &str, role: &str) -> Option<Self> {
        let headers = CallHeaders {
            authorization: self.headers.authorization.clone(),
            on_behalf_of: Some(HeaderValue::from_str(person).ok()?),
            acting_role: Some(HeaderValue::from_str(role).ok()?),
            deadline: self.headers.deadline,
            endpoint: self.headers.endpoint.clone(),
        };
        Some(Self { inner: self.inner.clone(), headers: Arc::new(headers) })
    }
}

impl tower::Service<Request<Body>> for AqChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx).map_err(|error| explain(error, &self.headers.endpoint))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let streaming = is_server_streaming(request.uri().path());
        let headers = request.headers_mut();
        if let Some(value) = &self.headers.authorization {
            headers.insert(http::header::AUTHORIZATION, value.clone());
        }
        if let Some(value) = &self.headers.on_behalf_of {
            headers.insert(ON_BEHALF_OF, value.clone());
        }
        if let Some(value) = &self.headers.acting_role {
            headers.insert(ACTING_ROLE, value.clone());
        }
        if !streaming && !headers.contains_key(DEADLINE) {
            let millis = self.headers.deadline.as_millis().clamp(1, 99_999_999);
            if let Ok(value) = HeaderValue::from_str(&format!("{millis}m")) {
                headers.insert(DEADLINE, value);
            }
        }
        let answer = self.inner.call(request);
        let shared = Arc::clone(&self.headers);
        Box::pin(async move { answer.await.map_err(|error| explain(error, &shared.endpoint)) })
    }
}

/// Turns an error of the transport into a status that says what to do.
fn explain(error: tonic::transport::Error, endpoint: &str) -> Status {
    let mut source = error.source();
    let mut root = None;
    while let Some(cause) = source {
        if cause.is::<TimeoutExpired>() {
            // The transport calls its own timer a cancellation; for the caller it is the deadline.
            return ErrorDetail::new(reason::DEADLINE_EXCEEDED).into_status(Code::DeadlineExceeded, "the server did not answer in time");
        }
        root = Some(cause.to_string());
        source = cause.source();
    }
    let cause = root.unwrap_or_else(|| error.to_string());
    let status = Status::from_error(Box::new(error));
    match status.code() {
        // Under TLS 1.3 a client learns only after the handshake that its certificate was missed or refused: its calls find the connection gone.
        Code::Cancelled if endpoint.starts_with("https:") => Status::unavailable(format!(
            "cannot reach the server at {endpoint}: it ended the connection, as a server does that asks for a certificate and gets none that it trusts"
        )),
        Code::Unavailable | Code::Unknown | Code::Cancelled => {
            Status::unavailable(format!("cannot reach the server at {endpoint}: {cause}"))
        }
        _ => status,
    }
}

//! Calls made inside the server: the same services, the same table of permissions, the same checks and records, without a socket.
//!
//! Whoever calls has settled who is asking. What the transport adds (keys, rates, streams, connections) is not passed here.

use std::sync::Arc;
use std::time::Duration;

use aq_core::principal::{Principal, Role};
use aq_proto::error_detail::ErrorDetail;
use bytes::{Buf as _, BufMut as _, Bytes};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::service::Routes;

use super::permissions::TABLE;
use super::service::{Api, MAX_ENCODED};
use super::status::{ApiError, Status};
use crate::commands::Trail;

/// Longest time of a call. Chosen above the transport's deadline, because a tool waits for a fetch where a person would call again.
const DEADLINE: Duration = Duration::from_secs(60);

/// The call that waits for a person. It ends with whoever waits for it: an answer that nobody hears must not count as told.
const WAITS: &str = "/agentqueue.v1.TaskService/AskHuman";

/// A call that was not carried out: what the status said, in parts that a reader can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refused {
    /// What went wrong, in UPPER_SNAKE words that never change.
    pub reason: String,
    /// What went wrong and what helps, for people.
    pub sentence: String,
    /// The fields at fault, each with what is wrong and what would be right.
    pub fields: Vec<(String, String)>,
    /// How long to wait before the same call makes sense again.
    pub retry_after: Option<Duration>,
}

/// The services of the API, called in process. Cheap to clone.
#[derive(Clone)]
pub struct Inside {
    api: Api,
    routes: Routes,
}

impl Api {
    /// The way to call this API from inside the server.
    #[must_use]
    pub fn inside(&self) -> Inside {
        Inside { api: self.clone(), routes: self.routes().prepare() }
    }
}

impl Inside {
    /// True when `role` may make the call at `path`.
    #[must_use]
    pub fn allows(path: &str, role: Role) -> bool {
        TABLE.iter().any(|(known, roles)| *known == path && roles.contains(&role))
    }

    /// Refuses a call that the role may not make, as the call itself would, and has that recorded where it would have changed something.
    pub async fn deny(&self, caller: &Principal, path: &'static str) {
        let status = Status::from(ApiError::Forbidden { role: caller.role.as_str(), path });
        self.api.note_refusal(caller, path, &Trail::default(), &status).await;
    }

    /// Makes a call with one answer. `body` is the request as bytes of its message, and so is the answer. Once begun it is carried out to its
    /// end, also when nobody waits for it any more.
    ///
    /// # Errors
    /// [`Refused`], as any other client would be told.
    pub async fn call(&self, caller: &Principal, path: &'static str, body: Vec<u8>) -> Result<Bytes, Refused> {
        let mut answers = self.stream(caller, path, body, |_| false).await?;
        answers.pop().ok_or_else(|| broken("there was no answer"))
    }

    /// Makes a call that answers with a stream, and takes messages until `enough` says so or the stream ends.
    ///
    /// # Errors
    /// [`Refused`], also when the stream breaks off.
    pub async fn stream(
        &self,
        caller: &Principal,
        path: &'static str,
        body: Vec<u8>,
        mut enough: impl FnMut(&[Bytes]) -> bool + Send + 'static,
    ) -> Result<Vec<Bytes>, Refused> {
        let mut grpc = tonic::client::Grpc::new(self.routes.clone()).max_decoding_message_size(MAX_ENCODED);
        let mut request = tonic::Request::new(body);
        let (api, caller, trail) = (self.api.clone(), caller.clone(), Arc::<Trail>::default());
        request.extensions_mut().insert(caller.clone());
        request.extensions_mut().insert(Arc::clone(&trail));
        let call = async move {
            match grpc.ready().await {
                Ok(()) => {}
                Err(never) => match never {},
            }
            let answer = match grpc.server_streaming(request, http::uri::PathAndQuery::from_static(path), Raw).await {
                Ok(answer) => answer,
                Err(status) => {
                    api.note_refusal(&caller, path, &trail, &status).await;
                    return Err(status);
                }
            };
            let (mut answer, mut messages) = (answer.into_inner(), Vec::new());
            while let Some(message) = answer.message().await? {
                messages.push(message);
                if enough(&messages) {
                    break;
                }
            }
            Ok::<_, Status>(messages)
        };
        // A task of its own: a defect in one call ends that call only, and a caller that goes away does not cut it in the middle.
        let timed = tokio::time::timeout(DEADLINE, call);
        let done = if path == WAITS { Ok(timed.await) } else { tokio::spawn(timed).await };
        match done {
            Ok(Ok(Ok(messages))) => Ok(messages),
            Ok(Ok(Err(status))) => Err(refused(&status)),
            Ok(Err(_)) => Err(Refused {
                reason: aq_proto::error_detail::reason::DEADLINE_EXCEEDED.to_owned(),
                sentence: format!("there was no answer within {} s; what was asked may still happen", DEADLINE.as_secs()),
                fields: Vec::new(),
                retry_after: None,
            }),
            Err(error) => {
                tracing::error!(path, %error, "a call inside the server broke");
                Err(broken("an error of the server itself; its log has more"))
            }
        }
    }
}

/// An answer that only a defect of ours can cause.
fn broken(sentence: &str) -> Refused {
    Refused { reason: "INTERNAL".to_owned(), sentence: sentence.to_owned(), fields: Vec::new(), retry_after: None }
}

/// What a status says.
fn refused(status: &Status) -> Refused {
    let detail = ErrorDetail::of(status).unwrap_or_default();
    Refused {
        reason: if detail.reason.is_empty() { format!("{:?}", status.code()).to_ascii_uppercase() } else { detail.reason },
        sentence: status.message().to_owned(),
        fields: detail.violations.into_iter().map(|violation| (violation.field, violation.description)).collect(),
        retry_after: detail.retry_after,
    }
}

/// Messages as the bytes that they are.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

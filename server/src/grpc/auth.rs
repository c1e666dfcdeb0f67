//! Who is asking: the key in the `authorization` header becomes a principal in the request's extensions.

use std::sync::{Arc, Mutex, PoisonError};

use aq_core::principal::{Principal, Role};
use aq_proto::client::ApiKey;
use http::{HeaderMap, Request, Response};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};

use super::bad_keys::{BadKeys, Wrong};
use super::io::Peer;
use super::middleware::{Middleware, Next};
use super::refusal;
use super::witness::{Witness, trail_of};

/// Header that names the person a gateway acts for.
const ON_BEHALF_OF: &str = "x-aq-on-behalf-of";

/// Header with the most that this person may do: what a gateway's key may do beyond it is refused.
const ACTING_ROLE: &str = "x-aq-acting-role";

/// Services that answer without a key: whether the server lives is no secret.
pub(super) const OPEN: &str = "/grpc.health.v1.Health/";

/// Keys cannot be checked at the moment; the caller may try again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("API keys cannot be checked: {0}")]
pub struct KeyStoreUnavailable(pub String);

/// Knows the API keys. Called once for each call, so that it should answer from memory.
#[tonic::async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// The principal of a key; `None` when the key is unknown, its secret is wrong, it has expired or was revoked. Digests are compared
    /// in constant time.
    ///
    /// # Errors
    /// [`KeyStoreUnavailable`] when that cannot be told.
    async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, KeyStoreUnavailable>;

    /// How often a key was taken back: when that changes, open streams look at their keys again. `None`: nobody tells, and they look from time to time.
    fn taken_back(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// Who makes this call.
///
/// # Errors
/// UNAUTHENTICATED when the call came past the transport's authentication, which only a mistake in composing the server can cause.
pub fn principal_of<T>(request: &tonic::Request<T>) -> Result<&Principal, Status> {
    request.extensions().get::<Principal>().ok_or_else(refusal::no_key)
}

/// The role of the person that a gateway acts for, as the gateway's own list has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActingRole(pub(super) Role);

/// The key that a call came with, for checking it again while a stream is open.
#[derive(Clone, Debug)]
pub(super) struct Credential(pub(super) ApiKey);

/// gRPC R4, R5.
pub(super) struct Authentication {
    keys: Arc<dyn KeyStore>,
    bad: Mutex<BadKeys>,
    witness: Option<Arc<dyn Witness>>,
}

/// A call that does not get past here.
struct TurnedAway {
    status: Status,
    /// Who asked, where the key was right.
    by: Option<Box<Principal>>,
}

impl From<Status> for TurnedAway {
    fn from(status: Status) -> Self {
        Self { status, by: None }
    }
}

impl Authentication {
    pub(super) fn new(keys: Arc<dyn KeyStore>, bad_keys_per_minute: u32, witness: Option<Arc<dyn Witness>>) -> Self {
        Self { keys, bad: Mutex::new(BadKeys::new(bad_keys_per_minute)), witness }
    }

    async fn identify(&self, headers: &HeaderMap, peer: &str) -> Result<(Principal, ApiKey, Option<ActingRole>), TurnedAway> {
        let Some(value) = headers.get(http::header::AUTHORIZATION) else {
            return Err(refusal::no_key().into());
        };
        let key: Option<ApiKey> = value.to_str().ok().and_then(bearer).and_then(|text| text.parse().ok());
        let principal = match &key {
            Some(key) => self.keys.verify(key.kid(), key.secret()).await.map_err(|error| {
                tracing::error!(%error, "keys cannot be checked");
                refusal::keys_unavailable()
            })?,
            None => None,
        };
        // A right key is never held up by the wrong ones of its neighbours: on one machine they share a user, and with it a peer.
        let (Some(mut principal), Some(key)) = (principal, key) else {
            let wrong = self.bad.lock().unwrap_or_else(PoisonError::into_inner).note(peer, Instant::now());
            return Err(match wrong {
                Wrong::Told => {
                    tracing::warn!(peer, "a wrong API key");
                    refusal::wrong_key().into()
                }
                Wrong::Waits { wait, first } => {
                    if first {
                        tracing::warn!(peer, "too many wrong API keys; those of the rest of the minute are not told here");
                    }
                    refusal::too_many_wrong_keys(wait).into()
                }
            });
        };
        if let Some(person) = headers.get(ON_BEHALF_OF) {
            if !matches!(principal.role, Role::Gateway | Role::Admin) {
                return Err(TurnedAway { status: refusal::on_behalf_refused(), by: Some(Box::new(principal)) });
            }
            let person = person.to_str().ok().filter(|text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
            principal.on_behalf_of = Some(person.ok_or_else(refusal::bad_person)?.to_owned());
        }
        let acting = match headers.get(ACTING_ROLE) {
            None => None,
            Some(_) if principal.on_behalf_of.is_none() => return Err(refusal::bad_role().into()),
            Some(role) => match role.to_str().ok().and_then(Role::parse) {
                Some(role @ (Role::Viewer | Role::Operator | Role::Admin)) => Some(ActingRole(role)),
                _ => return Err(refusal::bad_role().into()),
            },
        };
        Ok((principal, key, acting))
    }
}

/// The credential of an `authorization` header; the scheme's case does not matter.
fn bearer(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

#[tonic::async_trait]
impl Middleware for Authentication {
    async fn handle(&self, mut request: Request<Body>, next: Next<'_>) -> Response<Body> {
        // Whatever a lower part of the house put there is not proof of anything.
        request.extensions_mut().remove::<Principal>();
        request.extensions_mut().remove::<ActingRole>();
        if request.uri().path().starts_with(OPEN) {
            return next.run(request).await;
        }
        let peer = request.extensions().get::<Peer>().map_or_else(|| "unknown".to_owned(), Peer::group);
        match self.identify(request.headers(), &peer).await {
            Ok((principal, key, acting)) => {
                if let Some(acting) = acting {
                    request.extensions_mut().insert(acting);
                }
                request.extensions_mut().insert(principal);
                request.extensions_mut().insert(Credential(key));
                next.run(request).await
            }
            Err(TurnedAway { status, by }) => {
                if let (Some(witness), Some(principal)) = (&self.witness, &by) {
                    witness.refused(principal, request.uri().path(), &trail_of(&request), &status).await;
                }
                if status.code() == Code::Unauthenticated {
                    tracing::debug!("call refused: not authenticated");
                }
                refusal::respond(status)
            }
        }
    }
}

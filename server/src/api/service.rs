//! The API as a whole: what it works with, and the way of a call through it. Its services as one set of routes are in `routes`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use aq_core::git_link::GitLink;
use aq_core::principal::{Principal, ProjectScope, Role};
use aq_core::runner_link::{RunnerLink, RunnerOrder};
use aq_runner::redact::{RedactError, Redactor};
use prost::Message;
use tokio_util::sync::CancellationToken;

use super::about;
use super::idempotency::{self, Mutation};
use super::keys::KeyRing;
use super::last_reports::LastReports;
use super::permissions::{Call, WHOLE_SERVER};
use super::ports::{Assistants, Ending, RepositoryCheck, ServerFacts};
use super::refusals::Refusals;
use super::status::{ApiError, Reply};
use super::talk::Talk;
use crate::clock::SharedClock;
use crate::commands::{Context, Trail};
use crate::events::{EventBus, OutputHub, Wake};
use crate::forges::Forge;
use crate::lifecycle::{Engine, Tx, record};
use crate::orchestrator::Policy;
use crate::store::Reader;

/// Largest answer that is sent, in bytes.
pub(super) const MAX_ENCODED: usize = 4 * 1024 * 1024;

/// What the API works with.
#[derive(Clone)]
pub struct Parts {
    /// The writer with the figures.
    pub engine: Engine,
    /// The readers.
    pub reader: Reader,
    /// Run output.
    pub hub: OutputHub,
    /// Committed events.
    pub bus: EventBus,
    /// The clock.
    pub clock: SharedClock,
    /// Wakes the orchestrator; rung after every mutation.
    pub wake: Wake,
    /// Takes orders for runs: answers and messages. Given only after their commit.
    pub link: Arc<dyn RunnerLink>,
    /// The figures decisions are made with.
    pub policy: Arc<Policy>,
    /// Looks at repositories.
    pub repositories: Arc<dyn RepositoryCheck>,
    /// Looks at repositories and acts in them, for people.
    pub git: Arc<dyn GitLink>,
    /// The forge of pull requests; `None`: there is none.
    pub forge: Option<Arc<dyn Forge>>,
    /// Ends the server.
    pub ending: Arc<dyn Ending>,
    /// The keys that callers were let in with: told when one is taken back.
    pub keys: KeyRing,
    /// What the server is.
    pub facts: ServerFacts,
    /// Cancelled when the server drains: streams end then.
    pub drain: CancellationToken,
}

/// The API; cheap to clone. Each service of the contract is one small struct around it.
#[derive(Clone)]
pub struct Api {
    pub(super) parts: Arc<Parts>,
    ready: Arc<AtomicBool>,
    /// Given after the API is made: talking works with tools that call it.
    talk: Arc<OnceLock<Arc<dyn Talk>>>,
    /// Writers of documents take turns.
    pub(super) documents: Arc<tokio::sync::Mutex<()>>,
    assistants: Arc<OnceLock<Arc<dyn Assistants>>>,
    /// When agents told last how far they are.
    pub(super) last_reports: LastReports,
    /// Takes secrets out of what the audit log is told.
    pub(super) redactor: Arc<Redactor>,
    pub(super) refusals: Refusals,
}

/// What a mutation did: the answer, and the orders that follow from it.
pub(super) struct Done<R> {
    pub(super) answer: R,
    pub(super) orders: Vec<RunnerOrder>,
}

impl<R> From<R> for Done<R> {
    fn from(answer: R) -> Self {
        Self { answer, orders: Vec::new() }
    }
}

/// A call that was let in.
pub(super) struct Admitted<Q> {
    pub(super) context: Context,
    pub(super) body: Q,
}

impl Api {
    /// The API over `parts`, not yet ready.
    ///
    /// # Errors
    /// When the secrets of the configuration are too many to be looked for.
    pub fn new(parts: Parts) -> Result<Self, RedactError> {
        let redactor = Redactor::new(&parts.policy.secrets)?;
        Ok(Self {
            parts: Arc::new(parts),
            ready: Arc::default(),
            talk: Arc::default(),
            documents: Arc::default(),
            assistants: Arc::default(),
            last_reports: LastReports::default(),
            redactor: Arc::new(redactor),
            refusals: Refusals::default(),
        })
    }

    /// Says that recovery is over and work is taken (`ServerInfo.ready`).
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::SeqCst);
    }

    /// Gives the API its chat; only the first one counts.
    pub fn set_talk(&self, talk: Arc<dyn Talk>) {
        let _first = self.talk.set(talk);
    }

    pub(super) fn talk(&self) -> Option<Arc<dyn Talk>> {
        self.talk.get().cloned()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    /// Says who answers assistants. They use this very API, so they come after it; the first call holds.
    pub fn serve_assistants(&self, assistants: Arc<dyn Assistants>) {
        let _kept = self.assistants.set(assistants);
    }

    pub(super) fn assistants(&self) -> Option<&Arc<dyn Assistants>> {
        self.assistants.get()
    }

    /// Lets a call in: who asks, and may they? The transport has asked the same table; calls made in process come only here. Api R1.
    pub(super) fn admit<Q: Call + Message>(&self, request: tonic::Request<Q>) -> Result<Admitted<Q>, ApiError> {
        let (_, mut extensions, body) = request.into_parts();
        let trail = extensions.remove::<Arc<Trail>>().unwrap_or_default();
        if about::changes(Q::PATH)
            && let Some(about) = about::of(Q::PATH, &body.encode_to_vec())
        {
            trail.note(about);
        }
        let principal = extensions.remove::<Principal>().ok_or(ApiError::NoPrincipal)?;
        if !Q::ROLES.contains(&principal.role) {
            return Err(ApiError::Forbidden { role: principal.role.as_str(), path: Q::PATH });
        }
        if principal.projects != ProjectScope::All && WHOLE_SERVER.contains(&Q::PATH) {
            return Err(ApiError::WholeServer);
        }
        Ok(Admitted { context: Context { principal, now: self.parts.clock.now(), trail }, body })
    }

    /// Carries a command out in one transaction, once for each `request_id` (F-173), then gives its orders and wakes the orchestrator.
    pub(super) async fn mutate<Q: Mutation, R: Message + Default + Send + 'static>(
        &self,
        context: &Context,
        body: &Q,
        mut command: impl FnMut(&mut Tx<'_>, &Context) -> Result<Done<R>, ApiError> + Send + 'static,
    ) -> Reply<R> {
        let answer = self.carry_out(context, body, move |tx, context| command(tx, context)).await?;
        Ok(tonic::Response::new(answer))
    }

    /// The kept answer of a mutation whose effect lies outside the database, asked before the effect. The effect itself must be harmless when it
    /// is repeated: a crash between it and the answer repeats it.
    pub(super) async fn replayed<Q: Mutation, R: Message + Default + Send + 'static>(
        &self,
        context: &Context,
        body: &Q,
    ) -> Result<Option<R>, ApiError> {
        for_a_person(&context.principal)?;
        let ticket = idempotency::Ticket::of(&context.principal, body)?;
        self.turn(context).write(move |tx| ticket.replay(tx.db)).await
    }

    pub(super) async fn carry_out<Q: Mutation, R: Message + Default + Send + 'static>(
        &self,
        context: &Context,
        body: &Q,
        mut command: impl FnMut(&mut Tx<'_>, &Context) -> Result<Done<R>, ApiError> + Send + 'static,
    ) -> Result<R, ApiError> {
        for_a_person(&context.principal)?;
        let ticket = idempotency::Ticket::of(&context.principal, body)?;
        let inner = context.clone();
        let entry = about::cleansed(about::entry(&context.principal, context.now, &context.trail), &self.redactor);
        let done = self
            .turn(context)
            .write(move |tx| {
                if let Some(answer) = ticket.replay(tx.db)? {
                    return Ok(Done { answer, orders: Vec::new() });
                }
                let before = tx.announced().len();
                let done = command(tx, &inner)?;
                let answer = done.answer.encode_to_vec();
                let told = about::carried_out(tx, before, entry.clone(), &answer);
                ticket.record(tx.db, answer, inner.now)?;
                record(tx, told)?;
                Ok::<_, ApiError>(done)
            })
            .await?;
        for order in done.orders {
            self.parts.link.order(order);
        }
        self.parts.wake.ring();
        Ok(done.answer)
    }
}

/// A gateway's key changes things for a person only.
fn for_a_person(principal: &Principal) -> Result<(), ApiError> {
    if principal.role == Role::Gateway && principal.on_behalf_of.is_none() {
        return Err(crate::commands::CommandError::Denied(
            "a gateway changes things for a person only; name the person in x-aq-on-behalf-of".to_owned(),
        )
        .into());
    }
    Ok(())
}

//! Making calls: one at a time in each channel, when the limits allow it, again when Discord or the way to it is broken.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::breaker::{Breaker, Level};
use super::call::{Beside, Broken, Call, CallError, Method, Transport};
use super::limits::Limits;

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A call that makes something is not simply repeated after this time: Discord may have forgotten its nonce.
const NONCE_HOLDS: Duration = Duration::from_secs(60);

/// How soon what has to come through asks again while too many calls were refused.
const HELD_BACK: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct State {
    limits: Limits,
    breaker: Breaker,
    lanes: HashMap<(u64, Beside), Arc<tokio::sync::Mutex<()>>>,
}

/// The way to say something to Discord. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Outbound {
    transport: Arc<dyn Transport>,
    state: Arc<Mutex<State>>,
    begun: Instant,
    refused: Arc<watch::Sender<bool>>,
    me: Arc<AtomicU64>,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}

/// The place of a call that is under way; given back when it is dropped, also when nobody waits for the call any more.
struct Place<'a>(&'a Outbound, &'a str);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.limits.left(self.1));
    }
}

impl Outbound {
    /// Over this transport.
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        let (refused, _) = watch::channel(false);
        Self { transport, state: Arc::default(), begun: Instant::now(), refused: Arc::new(refused), me: Arc::default() }
    }

    /// Ends when Discord says that the token is not valid (any more).
    pub(crate) async fn token_refused(&self) {
        let mut refused = self.refused.subscribe();
        // The sender lives as long as this does; an error would mean that nobody can refuse any more.
        if refused.wait_for(|refused| *refused).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Our user; 0 before [`Outbound::is_me`].
    pub(crate) fn me(&self) -> u64 {
        self.me.load(Ordering::Relaxed)
    }

    /// Says which user we are.
    pub(crate) fn is_me(&self, user: u64) {
        self.me.store(user, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a call; in its channel everything that was asked for before is made before, edits and the opening of threads beside the others.
    pub(crate) async fn call(&self, call: Call) -> Result<Value, CallError> {
        let Some(lane) = call.lane() else { return self.attempt(&call).await };
        let turn = self.with(|state| {
            if state.lanes.len() > 1024 {
                state.lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
            }
            Arc::clone(state.lanes.entry(lane).or_default())
        });
        let _turn = turn.lock().await;
        self.attempt(&call).await
    }

    /// Waits until a message of a channel could be edited at once, without keeping the place.
    pub(crate) async fn room_to_edit(&self, channel: u64, message: u64) {
        self.room(Method::Patch, format!("/channels/{channel}/messages/{message}"), 0).await;
    }

    /// Waits until a message could be posted in a channel and another one behind it: who has something to say need not wait for who has time.
    pub(crate) async fn room_to_post(&self, channel: u64) {
        self.room(Method::Post, format!("/channels/{channel}/messages"), 1).await;
    }

    async fn room(&self, method: Method, path: String, spare: u32) {
        let route = Call::new(method, path, None).route();
        loop {
            let now = self.now();
            match self.with(|state| state.limits.wait(&route, spare, now)) {
                0 => return,
                wait => sleep(Duration::from_millis(wait)).await,
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Value, CallError> {
        let route = call.route();
        let begun = Instant::now();
        let mut broken = 0_u32;
        loop {
            let place = self.admitted(call, &route).await?;
            let answer = self.transport.perform(call).await;
            let problem = match answer {
                Ok(reply) => {
                    let now = self.now();
                    let (wait, level) = self.with(|state| {
                        let wait = state.limits.answered(&route, &reply, now);
                        let risen = state.breaker.note(reply.status, reply.shared, now);
                        (wait, risen.then(|| state.breaker.level(now)))
                    });
                    drop(place);
                    if let Some(level) = level {
                        tracing::warn!(?level, "Discord refuses many calls; at 10,000 in ten minutes it shuts us out");
                    }
                    if let Some(wait) = wait {
                        tracing::debug!(route, wait, "Discord asks to wait");
                        sleep(Duration::from_millis(wait)).await;
                        continue;
                    }
                    match reply.status {
                        200..=299 => return Ok(reply.body),
                        500..=599 => Broken(format!("status {}", reply.status)),
                        status => return Err(self.refusal(call, status, &reply.body)),
                    }
                }
                Err(problem) => {
                    drop(place);
                    problem
                }
            };
            broken += 1;
            let doubtful = call.body.as_ref().is_some_and(|body| body.get("nonce").is_some()) && begun.elapsed() > NONCE_HOLDS;
            if doubtful || (call.tries > 0 && broken >= call.tries) {
                return Err(CallError::Unanswered(problem.0));
            }
            if broken == 1 {
                tracing::warn!(route, problem = problem.0, "Discord does not answer; trying again");
            }
            sleep(LONGEST_PAUSE.min(Duration::from_millis(250).saturating_mul(1 << broken.min(7)))).await;
        }
    }

    fn refusal(&self, call: &Call, status: u16, body: &Value) -> CallError {
        // The token of an answer to an interaction is another one: it only ends.
        if status == 401 && !call.apart() {
            self.refused.send_replace(true);
        }
        let code = body.get("code").and_then(Value::as_u64).unwrap_or(0);
        let message = body.get("message").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
        let details = body.get("errors").map(ToString::to_string).unwrap_or_default();
        tracing::debug!(status, code, message, route = call.route(), details, "refused");
        CallError::Refused { status, code, message }
    }

    /// Waits until the limits let the call go. What has to come through waits for better times too: nothing that is acknowledged as told may
    /// be dropped here.
    async fn admitted<'a>(&'a self, call: &Call, route: &'a str) -> Result<Place<'a>, CallError> {
        let mut told = false;
        loop {
            let now = self.now();
            let taken = self.with(|state| match state.breaker.level(now) {
                Level::Halted => Err(None),
                Level::Critical if !call.critical => Err(None),
                _ => state.limits.take(route, call.apart(), now).map_err(Some),
            });
            match taken {
                Ok(()) => return Ok(Place(self, route)),
                Err(None) if call.tries > 0 => return Err(CallError::HeldBack),
                Err(None) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(route, "waiting: Discord has refused too many calls lately");
                    }
                    sleep(HELD_BACK).await;
                }
                Err(Some(wait)) => sleep(Duration::from_millis(wait)).await,
            }
        }
    }
}

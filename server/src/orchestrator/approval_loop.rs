//! The loop behind approvals: looks at what waits, asks the forge, records what it said. Everything it needs to go on after a restart is in
//! rows.

use std::sync::Arc;
use std::time::Duration;

use aq_core::runner_link::RunnerLink;
use tokio_util::sync::CancellationToken;

use super::approvals::{self, Asked, Question, Told};
use super::parts::Parts;
use crate::events::EventBus;
use crate::forges::{Forge, ForgeError};
use crate::lifecycle::LifecycleError;

/// Shortest time between two looks when nothing waits, and longest wait for what is due: timers stand still while the machine sleeps, and the
/// clock may be set.
const LONGEST: Duration = Duration::from_secs(15);
/// Shortest time between two looks when something is due.
const SHORTEST: Duration = Duration::from_millis(200);

/// Watches over what waits for approval.
#[derive(Clone)]
pub struct Approvals {
    parts: Parts,
    bus: EventBus,
    forge: Option<Arc<dyn Forge>>,
    link: Arc<dyn RunnerLink>,
    rest: Duration,
}

impl Approvals {
    /// A watch that is woken by `bus`; without a forge there are reminders only.
    #[must_use]
    pub fn new(parts: Parts, bus: EventBus, forge: Option<Arc<dyn Forge>>, link: Arc<dyn RunnerLink>) -> Self {
        Self { parts, bus, forge, link, rest: LONGEST }
    }

    /// Rests at most `rest` between two looks while something waits and at least that while nothing does, instead of fifteen seconds.
    #[must_use]
    pub const fn resting(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// Looks once, asks the forge what has to be asked, and records the answers. Says how long there will be nothing to
    /// do; `None`: until something happens.
    ///
    /// # Errors
    /// When the rows cannot be read or written; nothing of that step was done then.
    pub async fn round(&self) -> Result<Option<Duration>, LifecycleError> {
        let now = self.parts.clock.now();
        let looked = self.parts.engine.submit(move |tx| approvals::look(tx, now)).await?;
        if looked.landing {
            self.parts.wake.ring();
        }
        let mut asked = false;
        for question in looked.ask {
            let Some(forge) = &self.forge else { continue };
            asked = true;
            let answer = ask(forge.as_ref(), &question).await;
            if let Err(error) = &answer {
                tracing::warn!(task = question.task_key, %error, "a forge was asked in vain");
            }
            let now = self.parts.clock.now();
            let orders = self.parts.engine.submit(move |tx| approvals::answered(tx, &question, &answer, now)).await?;
            if !orders.is_empty() {
                self.parts.wake.ring();
            }
            for order in orders {
                self.link.order(order);
            }
        }
        let wait = looked.next.map(|at| Duration::from_millis(u64::try_from(at.millis_since(now)).unwrap_or(0)));
        Ok(if asked { Some(SHORTEST) } else { wait.map(|wait| wait.max(SHORTEST).min(self.rest)) })
    }

    /// Goes round until `stop`.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LifecycleError> {
        loop {
            // Read before the look: what is committed meanwhile is a reason for another one.
            let heard = self.bus.last();
            let wait = self.round().await?;
            let next = async {
                tokio::time::sleep(wait.unwrap_or(self.rest)).await;
                if wait.is_none() {
                    self.bus.moved(heard).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = next => {}
            }
        }
    }
}

async fn ask(forge: &dyn Forge, asked: &Asked) -> Result<Told, ForgeError> {
    match asked.question.clone() {
        Question::Open(wanted) => forge.open(wanted).await.map(Told::Opened),
        Question::Poll { repository, number, etag } => forge.poll(repository, number, etag).await.map(Told::from),
    }
}

//! The loop behind approvals: looks at what waits, asks the forge, records what it said. Everything it needs to go on after a restart is in
//! rows.

use std::sync::Arc;
use std::time::Duration;

use aq_core::runner_link::RunnerLink;
use tokio_util::sync::CancellationToken;

use super::approvals::{self, Asked, Question, Told};
use super::parts::Parts;
use crate::forges::{Forge, ForgeError};
use crate::lifecycle::LifecycleError;

/// Longest time between two looks: new waits begin without a ring.
const LONGEST: Duration = Duration::from_secs(15);
/// Shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(200);

/// Watches over what waits for approval.
#[derive(Clone)]
pub struct Approvals {
    parts: Parts,
    forge: Option<Arc<dyn Forge>>,
    link: Arc<dyn RunnerLink>,
}

impl Approvals {
    /// A watch; without a forge there are reminders only.
    #[must_use]
    pub fn new(parts: Parts, forge: Option<Arc<dyn Forge>>, link: Arc<dyn RunnerLink>) -> Self {
        Self { parts, forge, link }
    }

    /// Looks once, asks the forge what has to be asked, and records the answers. Says how long there will be nothing to do.
    ///
    /// # Errors
    /// When the rows cannot be read or written; nothing of that step was done then.
    pub async fn round(&self) -> Result<Duration, LifecycleError> {
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
        Ok(if asked { SHORTEST } else { wait.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST) })
    }

    /// Goes round until `stop`.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LifecycleError> {
        loop {
            let wait = self.round().await?;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
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

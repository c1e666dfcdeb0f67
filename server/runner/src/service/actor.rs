//! One run's actor: what it was made for, then whatever else the server wants of the run, one after the other.
//!
//! Spec: specs/server/runner/service.md

use std::collections::VecDeque;
use std::sync::Arc;

use aq_core::ids::{ProjectId, RunRef};
use aq_core::runner_link::{Answer, ConcludeRun, LinkClosed, StartRun, StopReason};
use tokio::sync::mpsc::UnboundedReceiver;

use super::router::Shared;
use super::{agent_run, conclude, release};

/// What an actor is made for.
pub(super) enum Errand {
    /// Start the run, or take it up. `last_seq` is what the server has of it.
    Run { start: Box<StartRun>, last_seq: Option<u64> },
    /// Wait for mail.
    Idle,
}

/// An order to a run in hand.
#[derive(Debug)]
pub(super) enum Mail {
    Answer { request_id: String, answer: Answer },
    Message { message_id: String, text: String },
    Stop(StopReason),
    Conclude(Box<ConcludeRun>),
    Release { project: ProjectId, task_ended: bool },
}

/// The actor's letter box; what comes too early is held back.
pub(super) struct Mailbox {
    receiver: UnboundedReceiver<Mail>,
    held: VecDeque<Mail>,
}

impl Mailbox {
    /// The next letter; `None` when the service is gone. Cancelling loses nothing.
    pub(super) async fn next(&mut self) -> Option<Mail> {
        match self.held.pop_front() {
            Some(mail) => Some(mail),
            None => self.receiver.recv().await,
        }
    }

    /// Puts letters back for later, in order.
    pub(super) fn hold(&mut self, letters: Vec<Mail>) {
        for mail in letters.into_iter().rev() {
            self.held.push_front(mail);
        }
    }
}

/// Works until the run is released, the server stops listening, or the service ends.
pub(super) async fn act(shared: Arc<Shared>, run: RunRef, errand: Errand, receiver: UnboundedReceiver<Mail>) {
    let mut mailbox = Mailbox { receiver, held: VecDeque::new() };
    let worked = async {
        if let Errand::Run { start, last_seq } = errand {
            agent_run::run(&shared, &start, last_seq, &mut mailbox).await?;
        }
        while let Some(mail) = mailbox.next().await {
            match mail {
                Mail::Conclude(order) => conclude::conclude(&shared, &order, &mut mailbox).await?,
                Mail::Release { project, task_ended } => {
                    release::release(&shared, &run, &project, task_ended).await;
                    return Ok(());
                }
                Mail::Stop(_) | Mail::Answer { .. } | Mail::Message { .. } => {
                    tracing::info!(%run, "an order for a run whose agent has ended was dropped");
                }
            }
        }
        Ok::<(), LinkClosed>(())
    };
    if let Err(error) = worked.await {
        tracing::info!(%run, %error, "the run is kept until the server comes back");
    }
}

//! The letters that the actor of a run is sent, and the box in which they wait.
//!
//! Spec: specs/server/runner/service.md

use std::collections::VecDeque;

use aq_core::ids::ProjectId;
use aq_core::runner_link::{Answer, ConcludeRun, StopReason};
use tokio::sync::mpsc::UnboundedReceiver;

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
    /// The box into which `receiver` brings letters.
    pub(super) const fn new(receiver: UnboundedReceiver<Mail>) -> Self {
        Self { receiver, held: VecDeque::new() }
    }

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

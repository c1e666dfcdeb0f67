//! One run's actor: what it was made for, then whatever else the server wants of the run, one after the other.
//!
//! Spec: specs/server/runner/service.md

use std::sync::Arc;

use aq_core::ids::RunRef;
use aq_core::runner_link::{LinkClosed, StartRun};
use tokio::sync::mpsc::UnboundedReceiver;

use super::mail::{Mail, Mailbox};
use super::shared::Shared;
use super::{agent_run, conclude, release};

/// What an actor is made for.
pub(super) enum Errand {
    /// Start the run, or take it up. `last_seq` is what the server has of it.
    Run { start: Box<StartRun>, last_seq: Option<u64> },
    /// Wait for mail.
    Idle,
}

/// Works until the run is released, the server stops listening, or the service ends.
pub(super) async fn act(shared: Arc<Shared>, run: RunRef, errand: Errand, receiver: UnboundedReceiver<Mail>) {
    let mut mailbox = Mailbox::new(receiver);
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

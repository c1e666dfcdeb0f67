//! What an agent is told while it works: to stop, a message, an answer. How its output is followed lives in `drive`.
//!
//! Spec: specs/server/runner/service.md

use std::time::Duration;

use aq_core::output::OutputBody;
use aq_core::runner_link::{LinkClosed, StopReason};
use tokio::time::Instant;

use super::drive::Drive;
use super::mail::Mail;
use super::stored::{SideItem, StoredStop};
use crate::shim::Shim;

/// How long a polite request to stop may take before the ladder (service R8).
const POLITE_WAIT: Duration = Duration::from_secs(3);

impl Drive<'_> {
    /// An order that came while the agent works; those for later are given back.
    pub(super) async fn mail(&mut self, shim: Option<&Shim>, mail: Mail) -> Result<Option<Mail>, LinkClosed> {
        match mail {
            Mail::Stop(reason) => self.stop_ordered(shim, reason).await?,
            Mail::Message { message_id, text } => {
                let frames = if self.input_closed { None } else { self.normalizer.message(&message_id, &text) };
                let Some(frames) = frames else {
                    tracing::info!(run = %self.start.run, "the agent takes no message any more");
                    return Ok(None);
                };
                // Its receipt is recognised only by what is remembered now.
                self.flush(true).await?;
                for frame in &frames {
                    self.send(shim, frame).await;
                }
                self.heed_wishes(shim).await;
            }
            Mail::Answer { request_id, answer } => {
                let Some(answered) = self.normalizer.answer(&request_id, &answer) else {
                    tracing::info!(run = %self.start.run, request_id, "an answer to a question that is not open was dropped");
                    return Ok(None);
                };
                if let Some(frame) = &answered.frame {
                    self.send(shim, frame).await;
                }
                self.side(answered.closed).await?;
                self.heed_wishes(shim).await;
            }
            later @ (Mail::Conclude(_) | Mail::Release { .. }) => return Ok(Some(later)),
        }
        Ok(None)
    }

    /// Reports items that no line brought.
    async fn side(&mut self, bodies: Vec<OutputBody>) -> Result<(), LinkClosed> {
        if bodies.is_empty() {
            return self.flush(true).await;
        }
        // What the normaliser knows now and the items that follow from it reach the disk in one write: a crash in between would leave a
        // question that is closed here and open in the server.
        self.flush_at = None;
        self.journal.flush().await?;
        self.journal.mark(self.offset, self.normalizer.state());
        self.journal.side(bodies.into_iter().filter_map(SideItem::of).collect()).await
    }

    async fn stop_ordered(&mut self, shim: Option<&Shim>, reason: StopReason) -> Result<(), LinkClosed> {
        if self.journal.cursor.stop.is_some() {
            return Ok(());
        }
        let stop = StoredStop::from(reason);
        self.journal.cursor.stop = Some(stop);
        self.flush(true).await?;
        self.stop(shim, stop).await
    }

    /// Politely first, then the ladder.
    pub(super) async fn stop(&mut self, shim: Option<&Shim>, stop: StoredStop) -> Result<(), LinkClosed> {
        self.close_at = None;
        match self.normalizer.interrupt() {
            Some(frame) if shim.is_some() && self.send(shim, &frame).await => {
                self.close_input(shim).await;
                let wait = POLITE_WAIT.min(Duration::from_millis(self.limits.grace_ms));
                self.ladder_at = Some((Instant::now() + wait, stop.as_str()));
            }
            _ => {
                self.ladder_at = None;
                self.end_process(shim, stop.as_str()).await;
            }
        }
        Ok(())
    }
}

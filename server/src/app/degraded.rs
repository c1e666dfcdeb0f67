//! Saying that nothing new starts because something on the machine is wrong, and why. Runs go on.

use aq_core::event::EventKind;
use serde_json::json;

use crate::clock::SharedClock;
use crate::commands::CommandError;
use crate::events::Wake;
use crate::lifecycle::{Engine, Subject, announce};

/// What tells of the machine's condition, and to whom.
#[derive(Clone)]
pub struct Condition {
    /// The writer.
    pub engine: Engine,
    /// The clock.
    pub clock: SharedClock,
    /// Rung when starts may have become possible.
    pub wake: Wake,
}

impl Condition {
    /// Stops starts for `reason`, or (`None`) allows them as far as `source` is concerned. Told when it changes; saying the same again is free.
    ///
    /// # Errors
    /// When the event cannot be written.
    pub async fn set(&self, source: &'static str, reason: Option<String>) -> Result<(), CommandError> {
        let changed = match self.write(source, reason.clone(), true).await {
            // Where not even the event can be written, because the database is damaged there, starts are stopped all the same.
            Err(CommandError::Damaged(error)) => {
                tracing::error!(source, %error, "that nothing new starts cannot be told as an event");
                self.write(source, reason.clone(), false).await?
            }
            changed => changed?,
        };
        if changed {
            match reason {
                Some(reason) => tracing::error!(source, %reason, "nothing new starts"),
                None => tracing::info!(source, "starts are possible again"),
            }
            self.wake.ring();
        }
        Ok(())
    }

    /// Changes the state, and writes the event when starts stop. True: they were possible before and are not now, or the other way round.
    async fn write(&self, source: &'static str, reason: Option<String>, event: bool) -> Result<bool, CommandError> {
        let now = self.clock.now();
        self.engine
            .submit(move |tx| {
                let before = tx.state.degraded.get(source).cloned();
                if before.is_some() == reason.is_some() {
                    // The same trouble in other words (fewer bytes free than a moment ago) is shown, not told again.
                    if before != reason {
                        tx.state.set_degraded(source, reason.clone());
                    }
                    return Ok::<_, CommandError>(false);
                }
                tx.state.set_degraded(source, reason.clone());
                if let (Some(reason), true) = (&reason, event) {
                    announce(tx, EventKind::SystemDegraded, now, Subject::default(), json!({ "reason": reason }))?;
                }
                Ok(true)
            })
            .await
    }
}

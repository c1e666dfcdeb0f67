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
        let now = self.clock.now();
        let told = reason.clone();
        let changed = self
            .engine
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
                if let Some(reason) = &reason {
                    announce(tx, EventKind::SystemDegraded, now, Subject::default(), json!({ "reason": reason }))?;
                }
                Ok(true)
            })
            .await?;
        if changed {
            match told {
                Some(reason) => tracing::error!(source, %reason, "nothing new starts"),
                None => tracing::info!(source, "starts are possible again"),
            }
            self.wake.ring();
        }
        Ok(())
    }
}

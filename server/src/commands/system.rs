//! The whole system: pausing all scheduling.

use aq_core::event::EventKind;
use serde_json::json;

use super::context::Context;
use super::error::CommandError;
use crate::lifecycle::{PAUSED, Subject, Tx, announce};
use crate::store::settings;

/// Pauses (`true`) or resumes all scheduling; survives a restart. Running tasks go on. Saying it twice changes nothing.
///
/// # Errors
/// When the setting cannot be written.
pub fn set_paused(tx: &mut Tx<'_>, context: &Context, paused: bool, reason: &str) -> Result<(), CommandError> {
    if tx.state.paused == paused {
        return Ok(());
    }
    settings::set(tx.db, PAUSED, if paused { "true" } else { "false" })?;
    tx.state.set_paused(paused);
    let kind = if paused { EventKind::SystemPaused } else { EventKind::SystemResumed };
    announce(tx, kind, context.now, Subject::default(), json!({ "reason": reason, "actor": context.actor() }))?;
    Ok(())
}

//! Budgets that people set; they replace the configured ones until they are taken back.
//!
//! A project's own budget is a field of the project and set in `projects`.

use aq_core::budget::BudgetScope;
use aq_core::event::EventKind;
use serde_json::json;

use super::context::Context;
use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce, write_limit};

/// Sets the limit of a scope. `Some(None)` takes the limit away, `None` lets the configured one hold again. Tasks that were blocked for a budget are
/// looked at again.
///
/// # Errors
/// [`CommandError::Invalid`] for a limit of 0.
pub fn set(tx: &mut Tx<'_>, context: &Context, scope: BudgetScope, limit: Option<Option<u64>>) -> Result<(), CommandError> {
    if limit == Some(Some(0)) {
        return Err(CommandError::invalid("limit_tokens", "must be at least 1; pause scheduling to let nothing start"));
    }
    write_limit(tx.db, scope, limit)?;
    tx.state.put_budget(scope, limit);
    tx.state.set_budgets_changed(true);
    let payload = json!({ "scope": scope.as_str(), "limit": limit.flatten(), "configured": limit.is_none(), "actor": context.actor() });
    announce(tx, EventKind::BudgetChanged, context.now, Subject::default(), payload)?;
    Ok(())
}

//! What an agent says about how far it is: told to whoever follows, and nothing else.

use aq_core::event::EventKind;
use serde_json::json;

use super::context::{Context, task};
use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce};

/// Longest report, in bytes.
pub const MAX_REPORT_BYTES: usize = 1000;

/// Tells how far the agent of a run is.
///
/// # Errors
/// [`CommandError::Invalid`] for an empty or long text, [`CommandError::Precondition`] for everybody who is not the agent of a live run.
pub fn report(tx: &mut Tx<'_>, context: &Context, text: &str) -> Result<(), CommandError> {
    let text = check(text)?;
    let Some(run) = &context.principal.run else {
        return Err(CommandError::precondition("NOT_AN_AGENT", "only the agent of a run tells how far it is, with the key of its run"));
    };
    let record = task(tx.db, context, &run.task)?;
    if !record.task.status.is_live() || record.task.run_number != run.number {
        return Err(CommandError::precondition("RUN_ENDED", format!("run {run} is over")));
    }
    let subject = Subject { run: Some(run.number), ..Subject::task(&record) };
    let payload = json!({ "title": record.task.title, "text": text, "actor": context.actor() });
    Ok(announce(tx, EventKind::TaskProgress, context.now, subject, payload)?)
}

/// The report as one line.
///
/// # Errors
/// [`CommandError::Invalid`].
pub fn check(text: &str) -> Result<String, CommandError> {
    if text.len() > MAX_REPORT_BYTES {
        return Err(CommandError::invalid("text", format!("is longer than {MAX_REPORT_BYTES} bytes; one or two sentences are enough")));
    }
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return Err(CommandError::invalid("text", "holds control characters"));
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { Err(CommandError::invalid("text", "is empty; say how far you are")) } else { Ok(line) }
}

//! Bringing the card of a run up to date.

use crate::bridge::Bridge;
use crate::render::card;

/// Edits the card of a run so that it shows how it stands. Without a card nothing happens.
pub(crate) async fn refresh(bridge: &Bridge, task: &str, run: u32, critical: bool) -> Result<(), tonic::Status> {
    let turn = bridge.card_turn(task, run);
    // What is read after the turn has come is not older than what an edit before it showed.
    let _turn = turn.lock().await;
    let Some(record) = bridge.server.run_record(task, run).await? else { return Ok(()) };
    let Some(found) = bridge.server.task(task).await?.and_then(|answer| answer.task) else { return Ok(()) };
    let Some(attempt) = bridge.server.run(task, run).await? else { return Ok(()) };
    let message = card(&found, &attempt, &bridge.step(task, run), &record.mark, record.foreign);
    if let Err(error) = bridge.out.edit(record.channel, record.card, &message, critical).await {
        tracing::debug!(task, run, %error, "the card could not be edited");
    }
    Ok(())
}

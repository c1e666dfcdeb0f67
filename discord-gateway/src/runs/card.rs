//! Bringing the cards of runs up to date. The cards of a channel share its limit: they are edited one after the other, each as it is when its turn
//! comes, so that fifty changes of a card are one edit and nothing else in the channel waits behind them.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use crate::bridge::Bridge;
use crate::render::card;

/// Edits the card of a run so that it shows how it stands; ends when it does. Without a card nothing happens. `urgent`: something happened to the run,
/// so that the edit has to come through.
pub(crate) async fn refresh(bridge: &Bridge, task: &str, run: u32, urgent: bool) -> Result<(), Status> {
    let Some(record) = bridge.server.run_record(task, run).await? else { return Ok(()) };
    let (told, shown) = oneshot::channel();
    if bridge.cards(record.channel, |cards| cards.want(task, run, urgent, told)) {
        let (bridge, channel) = (bridge.clone(), record.channel);
        tokio::spawn(async move { work(&bridge, channel).await });
    }
    shown.await.unwrap_or(Ok(()))
}

/// The time between two edits of cards of a channel: Discord takes about one a second, and a burst would leave the next change without any for seconds.
const APART: Duration = Duration::from_secs(1);

/// Shows the cards of a channel until none waits.
async fn work(bridge: &Bridge, channel: u64) {
    while let Some(next) = bridge.cards(channel, |cards| cards.next()) {
        let apart = Instant::now() + APART;
        let shown = show(bridge, &next.task, next.run, next.urgent).await;
        for told in next.told {
            // Who does not listen any more does not want to know.
            drop(told.send(shown.clone()));
        }
        sleep_until(apart).await;
    }
    bridge.no_cards(channel);
}

async fn show(bridge: &Bridge, task: &str, run: u32, urgent: bool) -> Result<(), Status> {
    // The state is read when the edit may go: what was read before a long wait would be old by then.
    let Some(record) = bridge.server.run_record(task, run).await? else { return Ok(()) };
    bridge.out.room_to_edit(record.channel, record.card).await;
    let Some(found) = bridge.server.task(task).await?.and_then(|answer| answer.task) else { return Ok(()) };
    let Some(attempt) = bridge.server.run(task, run).await? else { return Ok(()) };
    let message = card(&found, &attempt, &bridge.step(task, run), &record.mark, record.foreign);
    if let Err(error) = bridge.out.edit(record.channel, record.card, &message, urgent).await {
        tracing::debug!(task, run, %error, "the card could not be edited");
    }
    Ok(())
}

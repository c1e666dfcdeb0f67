//! Taking what comes.

use std::time::Duration;

use tokio::sync::mpsc;

use super::receive::{buffer, receive};
use crate::actions::{Responder, click, form};
use crate::bridge::Bridge;
use crate::discord::{Incoming, Interaction, Kind};
use crate::slash;

/// Handles what comes until nothing more can.
pub(crate) async fn serve(bridge: &Bridge, mut incoming: mpsc::Receiver<Incoming>) {
    while let Some(incoming) = incoming.recv().await {
        match incoming {
            Incoming::Ready { bot, application } => {
                bridge.is(bot, application);
                let bridge = bridge.clone();
                tokio::spawn(async move {
                    if let Err(error) = slash::register(&bridge).await {
                        tracing::warn!(error, "the commands could not be registered");
                    }
                    // Channels may have gone while nobody told.
                    if let Err(error) = bridge.resolve().await {
                        tracing::warn!(%error, "the channels could not be read again");
                    }
                });
            }
            Incoming::Resumed => tracing::info!("the connection to Discord goes on"),
            Incoming::Message(written) => {
                let channel = written.place.channel;
                buffer(bridge, &written);
                bridge.pend(*written);
                let bridge = bridge.clone();
                tokio::spawn(async move { next(&bridge, channel).await });
            }
            Incoming::Interaction(interaction) => {
                let bridge = bridge.clone();
                tokio::spawn(async move { interact(bridge, *interaction).await });
            }
            // The server may be away for long; nothing else waits for it meanwhile.
            Incoming::Gone(channel) => {
                let bridge = bridge.clone();
                tokio::spawn(async move { gone(&bridge, channel).await });
            }
            Incoming::Named { id, name } => named(bridge, id, &name),
        }
    }
}

/// The library gives each event a task of its own, so that two quick messages may change places: they get this long to come.
const STRAGGLERS: Duration = Duration::from_millis(60);

/// Handles the oldest message of a channel that waits, when those before it are done (F-202).
async fn next(bridge: &Bridge, channel: u64) {
    tokio::time::sleep(STRAGGLERS).await;
    let turn = bridge.turn(channel);
    let _turn = turn.lock().await;
    if let Some(written) = bridge.oldest(channel) {
        receive(bridge, written).await;
    }
}

async fn interact(bridge: Bridge, interaction: Interaction) {
    let kind = interaction.kind.clone();
    let responder = Responder::new(bridge, interaction);
    let done = match kind {
        Kind::Click { id, values } => click(&responder, &id, &values).await,
        Kind::Form { id, values } => form(&responder, &id, &values).await,
        Kind::Command { words, options } => slash::run(&responder, &words, options).await,
        Kind::Complete { words, options, option, text } => slash::complete(&responder, &words, &options, &option, &text).await,
    };
    if let Err(error) = done {
        tracing::warn!(%error, "an interaction could not be answered");
    }
}

/// A channel has the name of the main one: it is that, when there is none.
fn named(bridge: &Bridge, id: u64, name: &str) {
    let main = bridge.channels(|channels| {
        let main = channels.global.is_none() && bridge.config.is_main(name);
        if main {
            channels.global = Some(id);
        }
        main
    });
    if main {
        tracing::info!(channel = name, id, "main channel");
    }
}

/// A channel or thread is gone: whoever it belonged to has none of its own any more.
async fn gone(bridge: &Bridge, channel: u64) {
    bridge.thread_is(channel, None);
    if bridge.notes_of(channel).is_some()
        && let Err(error) = crate::notes::gone(bridge, channel).await
    {
        tracing::warn!(channel, error = error.message(), "the server still keeps the notes thread");
    }
    if bridge.channels(|channels| channels.global.take_if(|main| *main == channel)).is_some() {
        tracing::warn!(channel, "the main channel was deleted; a new one of its name takes its place");
    }
    let Some(project) = bridge.channels(|channels| channels.project(channel).map(str::to_owned)) else { return };
    let main = bridge.channels(|channels| channels.links(&project).and_then(|links| links.main)) == Some(channel);
    tracing::warn!(project, channel, "the project's channel was deleted; notices go to the main one");
    if main {
        bridge.channels(|channels| channels.link(&project, None));
        if let Err(error) = bridge.forget_channel(&project).await {
            tracing::warn!(project, %error, "the server still keeps the channel");
        }
    } else {
        bridge.channels(|channels| channels.link_control(&project, None));
        if let Err(error) = bridge.server.keep(Vec::new(), vec![format!("control:{project}")]).await {
            tracing::warn!(project, error = error.message(), "the server still keeps the channel");
        }
    }
}

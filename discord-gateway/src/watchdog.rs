//! Telling people once that the server is away, and once that it is back.
//!
//! Spec: specs/discord-gateway/events.md

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::bridge::Bridge;
use crate::message::Message;
use crate::outbound::Known;
use crate::render::{Style, boxed};

/// How long the server may be away before anybody is told: a restart is nothing to tell.
const PATIENCE: Duration = Duration::from_secs(20);

/// Watches whether the server is followed; never ends while it may be.
pub(crate) async fn watch(bridge: &Bridge, mut following: watch::Receiver<bool>) {
    // The first connection is not an outage.
    if following.wait_for(|stands| *stands).await.is_err() {
        return std::future::pending().await;
    }
    loop {
        if following.wait_for(|stands| !*stands).await.is_err() {
            return std::future::pending().await;
        }
        if timeout(PATIENCE, following.wait_for(|stands| *stands)).await.is_ok() {
            continue;
        }
        let told =
            tell(bridge, Style::Warning, "The server is away", "Running agents go on without it. Nothing is lost; I tell when it is back.")
                .await;
        if following.wait_for(|stands| *stands).await.is_err() {
            return std::future::pending().await;
        }
        if told {
            tell(bridge, Style::Success, "The server is back", "").await;
        }
    }
}

async fn tell(bridge: &Bridge, style: Style, title: &str, text: &str) -> bool {
    let Some(channel) = bridge.channels(|channels| channels.global) else { return false };
    let mark = format!("outage {}", crate::clock::now_ms());
    let mut embed = boxed(style, title, text);
    embed.footer = format!("AgentQueue · {mark}");
    match bridge.out.post(channel, &Message::embed(embed), Known::Mark(&mark), false).await {
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, "the outage could not be told");
            false
        }
    }
}

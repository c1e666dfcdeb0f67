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
    let now = bridge.now_ms();
    let mark = format!("outage {now}");
    let mut embed = boxed(style, title, text);
    embed.footer = format!("AgentQueue · {mark}");
    match bridge.out.post(channel, &Message::embed(embed), Known::Mark(&mark, now), false).await {
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, "the outage could not be told");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-236, gateway R8: a restart is not told; an outage is told once, and once that it is over.
    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_once() {
        let (bridge, said) = Bridge::recorded(1_790_000_000_000);
        bridge.channels(|channels| channels.global = Some(100));
        let (sender, receiver) = watch::channel(false);
        let watching = tokio::spawn(async move { watch(&bridge, receiver).await });
        let secs = |secs| tokio::time::sleep(Duration::from_secs(secs));
        secs(60).await;
        for (stands, for_secs) in [(true, 60), (false, 19), (true, 1), (false, 300), (true, 60), (false, 5), (true, 5)] {
            sender.send_replace(stands);
            secs(for_secs).await;
        }
        watching.abort();
        let said = said.lock().unwrap();
        let titles: Vec<&str> = said.iter().filter_map(|call| call.body.as_ref()?.pointer("/embeds/0/title")?.as_str()).collect();
        assert_eq!(titles, ["⚠️ The server is away", "✅ The server is back"]);
        assert!(said.iter().all(|call| call.path == "/channels/100/messages"));
    }
}

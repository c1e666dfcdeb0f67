//! Telling what a day was.

use std::collections::BTreeMap;
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use tonic::Status;

use super::day::next;
use crate::bridge::Bridge;
use crate::message::Message;
use crate::outbound::Known;
use crate::render::{Style, boxed};
use crate::text::{grouped, inline, plural};

const DAY_MS: i64 = 86_400_000;
const MINUTE: Duration = Duration::from_secs(60);
const RECORD: &str = "digest";

/// What happened in one project.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    completed: u64,
    failed: u64,
    blocked: u64,
}

/// Tells each day at its hour; without an hour it never ends and tells nothing.
pub(crate) async fn serve(bridge: &Bridge) {
    let Some(at) = bridge.config.digest else { return std::future::pending().await };
    loop {
        let Some((due, day)) = next(at, bridge.now_ms(), &bridge.config.zone) else { return std::future::pending().await };
        // A machine that slept or whose clock was set is noticed within a minute.
        while let Ok(wait @ 1..) = u64::try_from(due - bridge.now_ms()) {
            tokio::time::sleep(MINUTE.min(Duration::from_millis(wait))).await;
        }
        if let Err(status) = tell(bridge, &day, due).await {
            tracing::warn!(error = status.message(), "the digest could not be told");
        }
    }
}

async fn tell(bridge: &Bridge, day: &str, until: i64) -> Result<(), Status> {
    if bridge.server.record(RECORD).await?.as_deref() == Some(day) {
        return Ok(());
    }
    let since = until - DAY_MS;
    let counts = counted(bridge, since).await?;
    let stamp = prost_types::Timestamp { seconds: since / 1000, nanos: 0 };
    let usage = bridge.server.patiently(|connection: Connection| async move {
        let request = pb::GetTokenUsageRequest { since: Some(stamp), ..Default::default() };
        connection.accounts().get_token_usage(request).await.map(tonic::Response::into_inner)
    });
    let usage = usage.await?;
    let status = bridge.server.patiently(|connection: Connection| async move {
        connection.admin().get_status(pb::GetStatusRequest::default()).await.map(tonic::Response::into_inner)
    });
    let message = digest(&counts, &usage, &status.await?);
    if let (Some(message), Some(channel)) = (message, bridge.channels(|channels| channels.global)) {
        let mark = format!("digest {day}");
        let mut message = message;
        if let Some(embed) = message.embeds.first_mut() {
            embed.footer = format!("AgentQueue · {mark}");
        }
        if let Err(error) = bridge.out.post(channel, &message, Known::Mark(&mark, until), true).await {
            tracing::warn!(%error, "the digest could not be posted");
        }
    }
    bridge.server.keep_one(RECORD.to_owned(), day.to_owned()).await
}

async fn counted(bridge: &Bridge, since: i64) -> Result<BTreeMap<String, Counts>, Status> {
    let types: Vec<String> = ["task.completed", "task.failed", "task.blocked"].map(str::to_owned).to_vec();
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut token = String::new();
    loop {
        let request = pb::ListEventsRequest {
            filter: Some(pb::EventFilter { types: types.clone(), ..Default::default() }),
            page_size: 200,
            page_token: token.clone(),
        };
        let answer = bridge.server.patiently(|connection: Connection| {
            let request = request.clone();
            async move { connection.events().list_events(request).await.map(tonic::Response::into_inner) }
        });
        let answer = answer.await?;
        for event in &answer.events {
            if event.time.as_ref().is_some_and(|time| time.seconds * 1000 < since) {
                return Ok(counts);
            }
            let of = counts.entry(event.project_id.clone()).or_default();
            match event.r#type.as_str() {
                "task.completed" => of.completed += 1,
                "task.failed" => of.failed += 1,
                _ => of.blocked += 1,
            }
        }
        token = answer.next_page_token;
        if token.is_empty() {
            return Ok(counts);
        }
    }
}

/// The message; `None` when nothing happened.
fn digest(counts: &BTreeMap<String, Counts>, usage: &pb::GetTokenUsageResponse, status: &pb::SystemStatus) -> Option<Message> {
    let tokens = usage.total.as_ref().map_or(0, |total| total.input + total.output + total.cache_read + total.cache_write);
    if counts.is_empty() && tokens == 0 {
        return None;
    }
    let line = |(project, of): (&String, &Counts)| {
        format!("{} 🟢 {} done · 🔴 {} failed · ⛔ {} blocked", inline(project), of.completed, of.failed, of.blocked)
    };
    let waits = [(status.question_count, "question"), (status.approval_count, "approval")];
    let waits: Vec<String> = waits.iter().filter(|(count, _)| *count > 0).map(|(count, what)| plural((*count).into(), what)).collect();
    let embed = boxed(Style::Info, "The last day", counts.iter().map(line).collect::<Vec<_>>().join("\n"))
        .beside("Tokens", grouped(tokens))
        .beside("Waits for you", waits.join(", "));
    Some(Message::embed(embed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events R8: a day on which nothing happened is not told.
    #[test]
    fn an_empty_day_is_silent() {
        let (nothing, status) = (pb::GetTokenUsageResponse::default(), pb::SystemStatus { question_count: 2, ..Default::default() });
        assert_eq!(digest(&BTreeMap::new(), &nothing, &status), None);
        let counts = BTreeMap::from([("app".to_owned(), Counts { completed: 3, failed: 1, blocked: 0 })]);
        let message = digest(&counts, &nothing, &status).unwrap();
        assert_eq!(message.embeds[0].description, "`app` 🟢 3 done · 🔴 1 failed · ⛔ 0 blocked");
        assert_eq!(message.embeds[0].fields[1].value, "2 questions");
    }

    /// The server of a day: one task done, tokens spent; then a day on which nothing happened.
    struct Days(crate::backend::stand::Records, i64);

    impl crate::backend::stand::Answers for Days {
        fn answer(&self, path: &str, request: &[u8]) -> Option<crate::backend::stand::Answer> {
            use crate::backend::stand::Answer;
            match path {
                "EventService/ListEvents" => {
                    let time = Some(prost_types::Timestamp { seconds: self.1 / 1000, nanos: 0 });
                    let event = pb::Event { seq: 1, r#type: "task.completed".into(), project_id: "app".into(), time, ..Default::default() };
                    Answer::of(&pb::ListEventsResponse { events: vec![event], ..Default::default() })
                }
                "AccountService/GetTokenUsage" => Answer::of(&pb::GetTokenUsageResponse::default()),
                "AdminService/GetStatus" => Answer::of(&pb::SystemStatus::default()),
                _ => self.0.answer(path, request),
            }
        }
    }

    /// Events R8: the digest comes at its hour, once, also when the gateway starts again that day, and a quiet day is not told.
    #[tokio::test(start_paused = true)]
    async fn each_day_is_told_once() {
        let begin: i64 = "2026-01-10T07:59:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let folder = tempfile::tempdir().unwrap();
        let days = std::sync::Arc::new(Days(crate::backend::stand::Records::default(), begin - 3_600_000));
        let server = crate::backend::stand::stand(folder.path(), days);
        let (bridge, said) = Bridge::told(begin, server, |config| config.digest = Some(8 * 60));
        bridge.channels(|channels| channels.global = Some(100));
        let titles = || {
            let said = said.lock().unwrap();
            said.iter().filter_map(|call| Some(call.body.as_ref()?.pointer("/embeds/0/title")?.as_str()?.to_owned())).collect::<Vec<_>>()
        };
        let serving = |bridge: &Bridge| {
            let bridge = bridge.clone();
            tokio::spawn(async move { serve(&bridge).await })
        };
        let first = serving(&bridge);
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(titles(), Vec::<String>::new());
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(titles(), ["ℹ️ The last day"]);
        // Whoever told it is followed by another one: the same day is not told again, and the next one was quiet.
        first.abort();
        tell(&bridge, "2026-01-10", begin + 60_000).await.unwrap();
        let second = serving(&bridge);
        tokio::time::sleep(Duration::from_secs(2 * 86_400)).await;
        second.abort();
        assert_eq!(titles().len(), 1);
    }
}

//! One turn: history, the stream, the sign, the answer.

use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use pb::chat_response::Event;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::{Code, Status};

use super::Cached;
use super::buffers::Job;
use super::history::{behind, history, parted, turns};
use super::indicator::{Happens, Indicator};
use crate::backend::{passes, sentence};
use crate::bridge::Bridge;
use crate::custom_id::{Action, write};
use crate::discord::Written;
use crate::message::{Button, ButtonStyle, Message};
use crate::outbound::{Call, Known, Method};
use crate::text::{Answer, answer, clean, fenced};
use crate::trust::Role;

/// The shortest time between two edits of the sign, and between two typing marks.
const EDIT: Duration = Duration::from_millis(1300);
const TYPING: Duration = Duration::from_secs(8);

/// How long the server may be away before the person is told, and the longest pause between two tries.
const PATIENCE: Duration = Duration::from_secs(120);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

const NOT_CONFIGURED: &str = "LLM not configured — I can only respond to slash commands. Set `ANTHROPIC_API_KEY` or run `claude login`.";
const NO_LOGIN: &str = "Authentication failed. Run `claude login` or set `ANTHROPIC_API_KEY`.";

/// Ends the turn that answers a message; false when there is none.
pub(crate) fn cancel(bridge: &Bridge, message: &str) -> bool {
    message.parse().is_ok_and(|id| bridge.cancel(id))
}

/// Answers a message.
pub(crate) async fn turn(bridge: &Bridge, written: &Written, role: Role, text: &str, project: Option<String>) {
    let channel = written.place.channel;
    let cancelled = bridge.begin_turn(written.id);
    let asked = ask(bridge, written, role, text, project.clone());
    let outcome = tokio::select! {
        outcome = asked => outcome,
        () = cancelled.notified() => Ok("🛑 Cancelled. What was done stays done.".to_owned()),
    };
    if let Some(sign) = bridge.end_turn(written.id)
        && let Err(error) = bridge.out.remove(channel, sign).await
    {
        tracing::debug!(%error, "the sign could not be removed");
    }
    let text = match outcome {
        Ok(text) => text,
        Err(status) => failure(&status),
    };
    reply(bridge, written, &text).await;
    summarise_soon(bridge, channel, project);
}

/// What somebody reads whose question could not be answered (F-204, F-213).
fn failure(status: &Status) -> String {
    let reason = aq_proto::error_detail::ErrorDetail::of(status).map(|detail| detail.reason).unwrap_or_default();
    match (status.code(), reason.as_str()) {
        (_, "CHAT_NOT_CONFIGURED") => NOT_CONFIGURED.to_owned(),
        (_, "CHAT_LOGIN_REFUSED") | (Code::Unauthenticated, _) => NO_LOGIN.to_owned(),
        _ => format!("**LLM error:** {}", clean(&sentence(status))),
    }
}

async fn ask(bridge: &Bridge, written: &Written, role: Role, text: &str, project: Option<String>) -> Result<String, Status> {
    let channel = written.place.channel;
    typing(bridge, channel).await;
    let history = before(bridge, written, project.as_deref()).await;
    let request = pb::ChatRequest {
        text: text.to_owned(),
        history,
        project_id: project.unwrap_or_default(),
        author: written.author.name.clone(),
        // With it a repetition does nothing twice.
        request_id: format!("discord-{}", written.id),
        ..Default::default()
    };
    let mut sign = Sign { channel, to: written.id, posted: None, indicator: Indicator::default(), wanted: None, next_edit: Instant::now() };
    let (until, mut pause) = (Instant::now() + PATIENCE, Duration::from_millis(500));
    loop {
        let server = bridge.server.person(&written.author, role)?;
        match listen(bridge, &server, request.clone(), &mut sign).await {
            Err(status) if away(&status) && Instant::now() < until => {
                tracing::debug!(message = written.id, error = status.message(), "the server is away; asking again");
                sign.want(Indicator::AWAY.to_owned());
                sign.show(bridge).await;
                sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            other => return other,
        }
    }
}

/// True when the server was away, or went while it answered; what it says itself has a reason, and is told.
fn away(status: &Status) -> bool {
    let detail = aq_proto::error_detail::ErrorDetail::of(status);
    passes(status) && detail.is_none_or(|detail| detail.reason == aq_proto::error_detail::reason::SHUTTING_DOWN)
}

/// The sign that an answer is being thought about.
struct Sign {
    channel: u64,
    to: u64,
    posted: Option<u64>,
    indicator: Indicator,
    wanted: Option<String>,
    next_edit: Instant,
}

impl Sign {
    fn want(&mut self, text: String) {
        self.wanted = Some(text);
    }

    fn happens(&mut self, happens: Happens<'_>) {
        self.wanted = self.indicator.now(happens).or(self.wanted.take());
    }

    /// Shows what is wanted: the first time as a message, then by edits.
    async fn show(&mut self, bridge: &Bridge) {
        self.next_edit = Instant::now() + EDIT;
        let Some(text) = self.wanted.take() else { return };
        let cancel = write(&Action::CancelChat { message: self.to.to_string() });
        let button = cancel.map(|id| Button::new(id, "Cancel", "🛑", ButtonStyle::Secondary));
        let message = Message { silent: true, ..Message::text(text) }.with_buttons(button.into_iter().collect());
        if let Some(id) = self.posted {
            // Somebody deleted it: nothing to show any more, the answer comes all the same.
            if let Err(error) = bridge.out.edit(self.channel, id, &message, false).await {
                tracing::debug!(%error, "the sign could not be edited");
            }
            return;
        }
        let name = format!("sign for {}", self.to);
        self.posted = bridge.out.post(self.channel, &message.replying(Some(self.to)), Known::Behind(self.to, &name), false).await.ok();
        if let Some(id) = self.posted {
            bridge.put_sign(self.to, id);
        }
    }
}

/// Asks once and listens to the answer.
async fn listen(bridge: &Bridge, server: &Connection, request: pb::ChatRequest, sign: &mut Sign) -> Result<String, Status> {
    let mut stream = server.chat().chat(request).await?.into_inner();
    sign.indicator = Indicator::default();
    sign.want(Indicator::START.to_owned());
    sign.show(bridge).await;
    let mut next_typing = Instant::now() + TYPING;
    let mut answering = false;
    loop {
        tokio::select! {
            message = stream.message() => match message?.and_then(|message| message.event) {
                Some(Event::Round(round)) => {
                    answering = false;
                    sign.happens(Happens::Round(round.number));
                }
                Some(Event::ToolBegun(tool)) => sign.happens(Happens::Tool(&tool.tool)),
                Some(Event::Text(_)) if !answering => {
                    answering = true;
                    sign.happens(Happens::Answer);
                }
                Some(Event::Notice(_)) => sign.want("⏳ Loading model, this may take a moment...".to_owned()),
                Some(Event::Finished(finished)) => return Ok(finished.text),
                Some(_) => {}
                None => return Err(Status::unavailable("the answer broke off; ask again")),
            },
            () = sleep_until(sign.next_edit), if sign.wanted.is_some() => sign.show(bridge).await,
            () = sleep_until(next_typing) => {
                next_typing = Instant::now() + TYPING;
                typing(bridge, sign.channel).await;
            }
        }
    }
}

async fn typing(bridge: &Bridge, channel: u64) {
    let mut call = Call::new(Method::Post, format!("/channels/{channel}/typing"), None).minor();
    call.tries = 1;
    if let Err(error) = bridge.out.call(call).await {
        tracing::debug!(%error, "typing could not be shown");
    }
}

/// What was said before: from the buffer, else read from the channel and kept (F-207); older messages as a summary (F-208, F-210).
async fn before(bridge: &Bridge, written: &Written, project: Option<&str>) -> Vec<pb::ChatMessage> {
    let channel = written.place.channel;
    let warm = bridge.buffers(|buffers| buffers.before(channel, written.id, bridge.now_ms()));
    let messages = match warm {
        Some(messages) => messages,
        None => cold(bridge, channel, written.id).await,
    };
    let (older, recent) = parted(&messages);
    if older.is_empty() {
        return history(None, recent);
    }
    if let Some((covered, summary)) = bridge.buffers(|buffers| buffers.summary(channel))
        && let Some(rest) = behind(&messages, covered)
    {
        return history(Some(&summary), rest);
    }
    let summary = summarise(bridge, channel, older, project).await;
    history(summary.as_deref(), recent)
}

/// Summarises what is old by now, beside everything else, so that the next question waits for no summary (F-210).
fn summarise_soon(bridge: &Bridge, channel: u64, project: Option<String>) {
    bridge.buffers(|buffers| {
        let messages = buffers.all(channel);
        let (older, _) = parted(&messages);
        let covered = buffers.summary(channel).map_or(0, |(covered, _)| covered);
        if older.last().is_none_or(|last| last.id <= covered) {
            return;
        }
        let (bridge, older) = (bridge.clone(), older.to_vec());
        buffers.summarising(channel, || {
            Job(tokio::spawn(async move { drop(summarise(&bridge, channel, &older, project.as_deref()).await) }).abort_handle())
        });
    });
}

async fn cold(bridge: &Bridge, channel: u64, before: u64) -> Vec<Cached> {
    let path = format!("/channels/{channel}/messages?before={before}&limit=50");
    let Ok(found) = bridge.out.call(Call::new(Method::Get, path, None)).await else { return Vec::new() };
    let (bot, _) = bridge.ids();
    let one = |message: &Value| {
        let author: u64 = message.pointer("/author/id")?.as_str()?.parse().ok()?;
        let by_bot = author == bot;
        let name = message.pointer("/author/username").and_then(Value::as_str).unwrap_or("somebody");
        Some(Cached {
            id: message.get("id")?.as_str()?.parse().ok()?,
            author: if by_bot { "AgentQueue".to_owned() } else { name.to_owned() },
            by_bot,
            content: message.get("content")?.as_str()?.to_owned(),
        })
    };
    let mut messages: Vec<Cached> = found.as_array().into_iter().flatten().filter_map(one).filter(|message| message.id < before).collect();
    messages.sort_by_key(|message| message.id);
    let now = bridge.now_ms();
    bridge.buffers(|buffers| messages.iter().for_each(|message| buffers.keep(channel, message.clone(), now)));
    messages
}

/// Summarises older messages and keeps that; a failure leaves them out.
async fn summarise(bridge: &Bridge, channel: u64, older: &[Cached], project: Option<&str>) -> Option<String> {
    let upto = older.last()?.id;
    let request = pb::SummarizeRequest { messages: turns(older), project_id: project.unwrap_or_default().to_owned(), ..Default::default() };
    let itself = bridge.server.own().acting_as("discord:gateway", "viewer")?;
    match itself.chat().summarize(request).await {
        Ok(answer) => {
            let text = answer.into_inner().text;
            bridge.buffers(|buffers| buffers.summarised(channel, upto, text.clone()));
            Some(text)
        }
        Err(status) => {
            tracing::debug!(error = status.message(), "older messages could not be summarised");
            None
        }
    }
}

async fn reply(bridge: &Bridge, written: &Written, text: &str) {
    let messages = match answer(&clean(text)) {
        Answer::Messages(texts) => texts.into_iter().map(Message::text).collect(),
        Answer::File(preview) => vec![Message::text(preview).with_file("response.md", text.as_bytes().to_vec())],
    };
    // Each part is looked for behind the one before it.
    let mut behind = written.id;
    for (index, message) in messages.into_iter().enumerate() {
        let message = if index == 0 { message.replying(Some(written.id)) } else { message };
        let message = if message.content.trim().is_empty() { Message::text(fenced("(no answer)", "")) } else { message };
        let name = format!("answer to {} part {index}", written.id);
        match bridge.out.post(written.place.channel, &message, Known::Behind(behind, &name), false).await {
            Ok(posted) => behind = posted,
            Err(error) => {
                tracing::warn!(%error, "an answer could not be posted");
                return;
            }
        }
    }
}

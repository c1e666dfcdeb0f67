//! Posting, editing and removing messages, so that each is there once: a nonce for the minutes in which Discord remembers it, and a mark
//! in the message by which it is found again after that.

use serde_json::{Value, json};

use super::call::{Call, CallError, Method};
use super::sender::Outbound;
use crate::custom_id::fingerprint;
use crate::message::Message;

/// How a message is found again when nobody knows whether it was posted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'a> {
    /// It is ours and carries a mark that nothing else of ours carries, and was not posted before that instant, in milliseconds since 1970.
    Mark(&'a str, i64),
    /// It is ours, stands behind that message, answers what it was to answer and says what it was to say; the text names it for the nonce.
    Behind(u64, &'a str),
}

/// Discord's ids hold the time, in milliseconds since this instant.
const EPOCH: i64 = 1_420_070_400_000;

/// How far the clocks of Discord, of the server and of this machine may be apart.
const CLOCKS: i64 = 10 * 60 * 1000;

/// Most messages of one answer.
const PAGE: usize = 100;

fn id_of(body: &Value) -> Option<u64> {
    body.get("id").and_then(Value::as_str)?.parse().ok()
}

/// When a message was posted, in milliseconds since 1970.
fn time_of(id: u64) -> i64 {
    i64::try_from(id >> 22).map_or(i64::MAX, |since| since + EPOCH)
}

/// True when a message carries the mark: in its text, or in the small print of a box.
fn carries(message: &Value, mark: &str) -> bool {
    let holds = |text: Option<&str>| text.is_some_and(|text| text == mark || text.ends_with(&format!(" {mark}")));
    let small = |embed: &Value| holds(embed.pointer("/footer/text").and_then(Value::as_str));
    let last_line = message.get("content").and_then(Value::as_str).and_then(|text| text.lines().last());
    holds(last_line) || message.get("embeds").and_then(Value::as_array).is_some_and(|embeds| embeds.iter().any(small))
}

/// What a message says, without the space that Discord takes away; without a text the heads of its boxes.
fn said(body: &Value) -> String {
    let text = body.get("content").and_then(Value::as_str).unwrap_or_default();
    let heads = body.get("embeds").and_then(Value::as_array).into_iter().flatten();
    let heads = heads.filter_map(|embed| embed.get("title").and_then(Value::as_str));
    std::iter::once(text).chain(heads).flat_map(str::split_whitespace).collect()
}

/// The message that a message answers.
fn answers(body: &Value) -> Option<&str> {
    body.pointer("/message_reference/message_id").and_then(Value::as_str)
}

impl Outbound {
    /// Posts a message once and returns its id. `again`: it may have been posted before, so it is looked for first.
    pub(crate) async fn post(&self, channel: u64, message: &Message, known: Known<'_>, again: bool) -> Result<u64, CallError> {
        let (Known::Mark(name, _) | Known::Behind(_, name)) = known;
        let nonce = format!("aq{}", fingerprint(name));
        let body = message.wire(Some(&nonce));
        let mut look = again;
        loop {
            if look && let Some(id) = self.find(channel, known, &body).await? {
                return Ok(id);
            }
            let mut call = Call::new(Method::Post, format!("/channels/{channel}/messages"), Some(body.clone())).lasting();
            call.files.clone_from(&message.files);
            match self.call(call).await {
                Ok(body) => return id_of(&body).ok_or_else(|| CallError::Unanswered("an answer without an id".to_owned())),
                // Nobody knows whether it is there: look before posting it again.
                Err(CallError::Unanswered(_)) => look = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// The message that may be there: back to the time at which it can have been posted, or from the one before it to the newest.
    async fn find(&self, channel: u64, known: Known<'_>, wanted: &Value) -> Result<Option<u64>, CallError> {
        let me = self.me().to_string();
        let ours = |found: &&Value| found.pointer("/author/id").and_then(Value::as_str) == Some(&me);
        match known {
            Known::Mark(mark, since) => {
                let mut before = None;
                loop {
                    let page = self.page(channel, before.map(|id| ("before", id))).await?;
                    // Anybody may write what looks like a mark.
                    if let Some(found) = page.iter().filter(ours).find(|message| carries(message, mark)) {
                        return Ok(id_of(found));
                    }
                    let oldest = page.iter().filter_map(id_of).min();
                    match oldest.filter(|id| page.len() == PAGE && time_of(*id) > since.saturating_sub(CLOCKS)) {
                        Some(oldest) => before = Some(oldest),
                        None => return Ok(None),
                    }
                }
            }
            Known::Behind(message, _) => {
                let fits = |found: &&Value| ours(found) && answers(found) == answers(wanted) && said(found) == said(wanted);
                let mut after = message;
                loop {
                    let page = self.page(channel, Some(("after", after))).await?;
                    if let Some(found) = page.iter().filter(fits).filter_map(id_of).min() {
                        return Ok(Some(found));
                    }
                    match page.iter().filter_map(id_of).max().filter(|_| page.len() == PAGE) {
                        Some(newest) => after = newest,
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    /// A hundred messages: the newest, those before one, or those right behind one.
    async fn page(&self, channel: u64, from: Option<(&str, u64)>) -> Result<Vec<Value>, CallError> {
        let from = from.map(|(which, id)| format!("&{which}={id}")).unwrap_or_default();
        let path = format!("/channels/{channel}/messages?limit={PAGE}{from}");
        let found = self.call(Call::new(Method::Get, path, None).lasting()).await?;
        Ok(match found {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        })
    }

    /// Plain messages of ours behind a message that answer nobody, oldest first: at most a hundred are looked at.
    pub(crate) async fn ours_behind(&self, channel: u64, message: u64) -> Result<Vec<u64>, CallError> {
        let found = self.page(channel, Some(("after", message))).await?;
        let me = self.me().to_string();
        let empty = |message: &Value, part: &str| message.get(part).and_then(Value::as_array).is_none_or(Vec::is_empty);
        let plain = |message: &&Value| {
            let ours = message.pointer("/author/id").and_then(Value::as_str) == Some(&me);
            let kind = message.get("type").and_then(Value::as_u64).unwrap_or(0);
            ours && kind == 0 && answers(message).is_none() && empty(message, "embeds") && empty(message, "attachments")
        };
        let mut ids: Vec<u64> = found.iter().filter(plain).filter_map(id_of).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Edits a message. A critical edit is tried until it comes through; one that the next edit makes up for may be dropped.
    pub(crate) async fn edit(&self, channel: u64, id: u64, message: &Message, critical: bool) -> Result<(), CallError> {
        let mut call = Call::new(Method::Patch, format!("/channels/{channel}/messages/{id}"), Some(message.wire(None)));
        // An edit cannot change what a message answers, nor whether it rings.
        if let Some(body) = call.body.as_mut().and_then(Value::as_object_mut) {
            body.remove("message_reference");
            body.remove("flags");
        }
        call.files.clone_from(&message.files);
        let call = if critical { call.lasting() } else { call.minor() };
        self.call(call).await.map(drop)
    }

    /// Removes a message; one that is gone is no error.
    pub(crate) async fn remove(&self, channel: u64, id: u64) -> Result<(), CallError> {
        match self.call(Call::new(Method::Delete, format!("/channels/{channel}/messages/{id}"), None).minor()).await {
            Err(error) if error.is_gone() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Opens the thread of a message; the one that is there already counts.
    pub(crate) async fn thread(&self, channel: u64, message: u64, name: &str) -> Result<u64, CallError> {
        let body = json!({ "name": crate::text::cut(name, 100), "auto_archive_duration": 1440 });
        let made =
            self.call(Call::new(Method::Post, format!("/channels/{channel}/messages/{message}/threads"), Some(body)).lasting()).await;
        match made {
            Ok(body) => id_of(&body).ok_or_else(|| CallError::Unanswered("an answer without an id".to_owned())),
            // The thread of a message has the message's id.
            Err(error) if error.code() == 160_004 => Ok(message),
            Err(error) => Err(error),
        }
    }

    /// Marks a message of a person with an emoji, in place of another one of ours.
    pub(crate) async fn react(&self, channel: u64, message: u64, emoji: &str, instead_of: Option<&str>) {
        let path = |emoji: &str| format!("/channels/{channel}/messages/{message}/reactions/{}/@me", percent(emoji));
        let put = self.call(Call::new(Method::Put, path(emoji), None).minor()).await;
        if let Err(error) = put {
            tracing::debug!(%error, "a mark could not be set");
        }
        if let Some(old) = instead_of
            && let Err(error) = self.call(Call::new(Method::Delete, path(old), None).minor()).await
        {
            tracing::debug!(%error, "a mark could not be taken away");
        }
    }
}

/// A text as part of a path.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outbound R6: a message is found by its mark, and by nothing that only looks like it.
    #[test]
    fn marks_are_found() {
        let boxed = json!({ "content": "x", "embeds": [{ "footer": { "text": "AgentQueue · event 12" } }] });
        assert!(carries(&boxed, "event 12") && !carries(&boxed, "event 2") && !carries(&boxed, "event 1"));
        assert!(carries(&json!({ "content": "full log\n-# log of swift-falcon 2" }), "log of swift-falcon 2"));
        assert!(!carries(&json!({ "content": "log of swift-falcon 21" }), "log of swift-falcon 2"));
        assert_eq!(percent("✅"), "%E2%9C%85");
    }
}

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
    /// It carries a mark that nothing else carries.
    Mark(&'a str),
    /// It is the first of ours without a box behind this message; the text names it for the nonce.
    Behind(u64, &'a str),
}

fn id_of(body: &Value) -> Option<u64> {
    body.get("id").and_then(Value::as_str)?.parse().ok()
}

/// True when a message carries the mark: in its text, or in the small print of a box.
fn carries(message: &Value, mark: &str) -> bool {
    let holds = |text: Option<&str>| text.is_some_and(|text| text == mark || text.ends_with(&format!(" {mark}")));
    let small = |embed: &Value| holds(embed.pointer("/footer/text").and_then(Value::as_str));
    let last_line = message.get("content").and_then(Value::as_str).and_then(|text| text.lines().last());
    holds(last_line) || message.get("embeds").and_then(Value::as_array).is_some_and(|embeds| embeds.iter().any(small))
}

impl Outbound {
    /// Posts a message once and returns its id. `again`: it may have been posted before, so it is looked for first.
    pub(crate) async fn post(&self, channel: u64, message: &Message, known: Known<'_>, again: bool) -> Result<u64, CallError> {
        let (Known::Mark(name) | Known::Behind(_, name)) = known;
        let nonce = format!("aq{}", fingerprint(name));
        let mut look = again;
        loop {
            if look && let Some(id) = self.find(channel, known).await? {
                return Ok(id);
            }
            let mut call = Call::new(Method::Post, format!("/channels/{channel}/messages"), Some(message.wire(Some(&nonce)))).lasting();
            call.files.clone_from(&message.files);
            match self.call(call).await {
                Ok(body) => return id_of(&body).ok_or_else(|| CallError::Unanswered("an answer without an id".to_owned())),
                // Nobody knows whether it is there: look before posting it again.
                Err(CallError::Unanswered(_)) => look = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// The message that may be there, among the newest hundred or the hundred behind the one that is known.
    async fn find(&self, channel: u64, known: Known<'_>) -> Result<Option<u64>, CallError> {
        match known {
            Known::Mark(mark) => {
                let path = format!("/channels/{channel}/messages?limit=100");
                let found = self.call(Call::new(Method::Get, path, None).lasting()).await?;
                Ok(found.as_array().into_iter().flatten().find(|message| carries(message, mark)).and_then(id_of))
            }
            Known::Behind(message, _) => Ok(self.ours_behind(channel, message).await?.first().copied()),
        }
    }

    /// Plain messages of ours behind a message, oldest first.
    pub(crate) async fn ours_behind(&self, channel: u64, message: u64) -> Result<Vec<u64>, CallError> {
        let path = format!("/channels/{channel}/messages?after={message}&limit=100");
        let found = self.call(Call::new(Method::Get, path, None).lasting()).await?;
        let me = self.me().to_string();
        let empty = |message: &Value, part: &str| message.get(part).and_then(Value::as_array).is_none_or(Vec::is_empty);
        let plain = |message: &&Value| {
            let ours = message.pointer("/author/id").and_then(Value::as_str) == Some(&me);
            let kind = message.get("type").and_then(Value::as_u64).unwrap_or(0);
            ours && kind == 0 && empty(message, "embeds") && empty(message, "attachments")
        };
        let mut ids: Vec<u64> = found.as_array().into_iter().flatten().filter(plain).filter_map(id_of).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Edits a message. One that nobody waits for may be dropped.
    pub(crate) async fn edit(&self, channel: u64, id: u64, message: &Message, critical: bool) -> Result<(), CallError> {
        let mut call = Call::new(Method::Patch, format!("/channels/{channel}/messages/{id}"), Some(message.wire(None)));
        // An edit cannot change what a message answers, nor whether it rings.
        if let Some(body) = call.body.as_mut().and_then(Value::as_object_mut) {
            body.remove("message_reference");
            body.remove("flags");
        }
        call.files.clone_from(&message.files);
        call.critical = critical;
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

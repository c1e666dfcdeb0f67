//! What people do: write, use commands, click, choose, send forms.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::rest::stamp;
use super::world::{Asked, BOT, Fake, GUILD, State};

fn user(id: u64) -> Value {
    json!({ "id": id.to_string(), "username": format!("user{id}"), "discriminator": "0", "avatar": null, "global_name": null })
}

fn member(id: u64) -> Value {
    json!({ "user": user(id), "roles": [], "joined_at": "2026-01-01T00:00:00Z", "deaf": false, "mute": false, "flags": 0, "permissions": "0" })
}

/// A message as somebody just wrote it, naming nobody.
fn written(state: &State, id: u64, channel: u64, author: &Value, text: &str) -> Value {
    json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "author": author, "content": text, "timestamp": stamp(state),
        "edited_timestamp": null, "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [],
        "embeds": [], "components": [], "pinned": false, "type": 0,
    })
}

/// The parts of every row of a message.
fn parts(message: &Value) -> impl Iterator<Item = &Value> {
    message["components"].as_array().into_iter().flatten().flat_map(|row| row["components"].as_array().into_iter().flatten())
}

impl Fake {
    /// Somebody writes; returns the message.
    pub(crate) fn say(&self, who: u64, channel: u64, text: &str) -> u64 {
        self.change(|state| {
            let id = state.id();
            let named = text.contains(&format!("<@{BOT}>"));
            let mentions = if named { json!([user(BOT)]) } else { json!([]) };
            let mut message = written(state, id, channel, &user(who), text);
            message["mentions"] = mentions;
            state.messages.insert(id, message.clone());
            message["guild_id"] = json!(GUILD.to_string());
            message["member"] = json!({ "roles": [], "joined_at": "2026-01-01T00:00:00Z", "deaf": false, "mute": false, "flags": 0 });
            state.emit("MESSAGE_CREATE", &message);
            id
        })
    }

    /// Somebody whose picture has a name that the gateway's library dies of writes (routing R10).
    pub(crate) fn say_what_kills(&self, channel: u64) {
        self.change(|state| {
            let mut author = user(1);
            author["avatar"] = json!(format!("a_0é{}", "0".repeat(29)));
            let id = state.id();
            let mut message = written(state, id, channel, &author, "hello");
            message["guild_id"] = json!(GUILD.to_string());
            state.emit("MESSAGE_CREATE", &message);
        });
    }

    /// A thread that was there before, below a channel.
    pub(crate) fn open_thread(&self, parent: u64, name: &str) -> u64 {
        self.change(|state| {
            let id = state.id();
            let (here, guild) = (parent.to_string(), GUILD.to_string());
            let thread = json!({ "id": id.to_string(), "name": name, "type": 11, "parent_id": here, "guild_id": guild });
            state.channels.insert(id, thread);
            id
        })
    }

    /// A message of ours that was there before.
    pub(crate) fn put(&self, channel: u64, text: &str) -> u64 {
        self.change(|state| {
            let id = state.id();
            let place = json!({ "id": id.to_string(), "channel_id": channel.to_string(), "content": text, "embeds": [], "components": [] });
            let mut message = whole(&place);
            message["timestamp"] = json!(stamp(state));
            state.messages.insert(id, message);
            id
        })
    }

    fn ask(&self, who: u64, channel: u64, kind: u64, data: &Value, source: Option<u64>) -> u64 {
        self.change(|state| {
            let id = state.id();
            let token = format!("token-{id}");
            let place = state.channels.get(&channel).cloned().unwrap_or(Value::Null);
            let mut described = json!({ "id": channel.to_string(), "name": place["name"], "type": place["type"], "permissions": "0" });
            if !place["parent_id"].is_null() {
                described["parent_id"] = place["parent_id"].clone();
            }
            let mut told = json!({
                "id": id.to_string(), "application_id": BOT.to_string(), "type": kind, "data": data, "token": token, "version": 1,
                "guild_id": GUILD.to_string(), "channel_id": channel.to_string(), "channel": described, "member": member(who),
                "locale": "en-US", "guild_locale": "en-US", "app_permissions": "0", "entitlements": [], "context": 0,
                "authorizing_integration_owners": {}, "attachment_size_limit": 10_485_760,
            });
            if let Some(message) = source.and_then(|id| state.messages.get(&id)) {
                told["message"] = message.clone();
            }
            state.asked.insert(id, Asked { token, at: Instant::now(), channel, source, answer: None, message: None });
            state.emit("INTERACTION_CREATE", &told);
            id
        })
    }

    /// The final answer to an interaction; a form as it is.
    pub(crate) async fn answered(&self, interaction: u64) -> Value {
        self.wait("an answer", |fake| {
            let state = fake.state();
            let asked = &state.asked[&interaction];
            match (&asked.answer, &asked.message) {
                (Some((7..=9, data)), _) => Some(data.clone()),
                (Some(_), Some(message)) => Some(message.clone()),
                _ => None,
            }
        })
        .await
    }

    /// True when only the asker sees the answer.
    pub(crate) fn whispered(&self, interaction: u64) -> bool {
        self.state().asked[&interaction].answer.as_ref().is_some_and(|(_, data)| data["flags"].as_u64().unwrap_or(0) & 64 != 0)
    }

    /// Somebody uses a command; returns the interaction.
    pub(crate) fn slash(&self, who: u64, channel: u64, words: &str, options: &[(&str, Value)]) -> u64 {
        let kind = |value: &Value| match value {
            Value::Bool(_) => 5,
            Value::Number(number) if number.is_f64() => 10,
            Value::Number(_) => 4,
            _ => 3,
        };
        let given: Vec<Value> = options.iter().map(|(name, value)| json!({ "name": name, "type": kind(value), "value": value })).collect();
        let (name, given) = match words.split_once(' ') {
            Some((group, word)) => (group, json!([{ "name": word, "type": 1, "options": given }])),
            None => (words, Value::Array(given)),
        };
        self.ask(who, channel, 2, &json!({ "id": "1", "name": name, "type": 1, "options": given }), None)
    }

    /// Somebody writes an option of a command; returns the interaction.
    pub(crate) fn complete(&self, who: u64, channel: u64, words: &str, option: &str, text: &str) -> u64 {
        let focused = json!({ "name": option, "type": 3, "value": text, "focused": true });
        let (name, given) = match words.split_once(' ') {
            Some((group, word)) => (group, json!([{ "name": word, "type": 1, "options": [focused] }])),
            None => (words, json!([focused])),
        };
        self.ask(who, channel, 4, &json!({ "id": "1", "name": name, "type": 1, "options": given }), None)
    }

    /// Somebody clicks the button with this label below a message.
    pub(crate) fn click(&self, who: u64, message: &Value, label: &str) -> u64 {
        let button = parts(message).find(|part| part["label"] == label && part["disabled"] != true);
        let id = button.unwrap_or_else(|| panic!("no button `{label}` in {message:#}"))["custom_id"].as_str().unwrap().to_owned();
        self.press(who, message, &id)
    }

    /// Somebody clicks whatever has this id.
    pub(crate) fn press(&self, who: u64, message: &Value, id: &str) -> u64 {
        let channel = message["channel_id"].as_str().unwrap().parse().unwrap();
        let source: u64 = message["id"].as_str().unwrap().parse().unwrap();
        self.change(|state| {
            state.messages.entry(source).or_insert_with(|| whole(message));
        });
        self.ask(who, channel, 3, &json!({ "custom_id": id, "component_type": 2 }), Some(source))
    }

    /// Somebody chooses a value in the first select of a message.
    pub(crate) fn choose(&self, who: u64, message: &Value, value: &str) -> u64 {
        let id = parts(message).find(|part| part["type"] == 3).unwrap()["custom_id"].clone();
        let channel = message["channel_id"].as_str().unwrap().parse().unwrap();
        let source: u64 = message["id"].as_str().unwrap().parse().unwrap();
        self.change(|state| {
            state.messages.entry(source).or_insert_with(|| whole(message));
        });
        self.ask(who, channel, 3, &json!({ "custom_id": id, "component_type": 3, "values": [value] }), Some(source))
    }

    /// Somebody sends the form that an interaction opened.
    pub(crate) fn send(&self, who: u64, channel: u64, form: &Value, text: &str) -> u64 {
        let input = json!({ "type": 4, "custom_id": "text", "value": text });
        let data = json!({ "custom_id": form["custom_id"], "components": [{ "type": 1, "components": [input] }] });
        self.ask(who, channel, 5, &data, None)
    }
}

/// An answer that only its asker sees, as the message that it is for him.
fn whole(message: &Value) -> Value {
    let mut made = message.clone();
    for (name, value) in [
        ("author", json!({ "id": BOT.to_string(), "username": "queue", "discriminator": "0", "avatar": null, "bot": true })),
        ("timestamp", json!("2026-01-01T00:00:00Z")),
        ("edited_timestamp", Value::Null),
        ("tts", json!(false)),
        ("mention_everyone", json!(false)),
        ("mentions", json!([])),
        ("mention_roles", json!([])),
        ("attachments", json!([])),
        ("pinned", json!(false)),
        ("type", json!(0)),
    ] {
        made[name] = value;
    }
    made
}

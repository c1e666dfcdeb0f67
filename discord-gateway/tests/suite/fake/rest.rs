//! The REST interface.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::http::Request;
use super::rules;
use super::world::{BOT, Fake, GUILD, State, TOKEN};

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self { status: 200, body, headers: Vec::new() }
    }

    fn empty() -> Self {
        Self { status: 204, body: Value::Null, headers: Vec::new() }
    }

    /// A limit that the bot has no part in was met.
    pub(super) fn crowded() -> Self {
        let body = json!({ "message": "You are being rate limited.", "retry_after": 0.15, "global": false });
        Self { status: 429, body, headers: vec![("retry-after", "1".to_owned()), ("x-ratelimit-scope", "shared".to_owned())] }
    }

    pub(super) fn refused(status: u16, code: u64, message: &str) -> Self {
        Self { status, body: json!({ "code": code, "message": message }), headers: Vec::new() }
    }
}

fn user() -> Value {
    json!({ "id": BOT.to_string(), "username": "queue", "discriminator": "0", "avatar": null, "bot": true })
}

pub(super) fn stamp(state: &State) -> String {
    let at = jiff::Timestamp::new(1_900_000_000 + i64::try_from(state.messages.len()).unwrap(), 0).unwrap();
    at.to_string()
}

impl Fake {
    pub(super) fn answer(&self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        let open = matches!(parts.first(), Some(&("interactions" | "webhooks" | "gateway")));
        if !request.agent.starts_with("DiscordBot") && parts.first() != Some(&"gateway") {
            self.change(|state| state.violations.push(format!("user agent `{}`", request.agent)));
        }
        if !open && request.authorization != format!("Bot {TOKEN}") {
            return Answer::refused(401, 0, "401: Unauthorized");
        }
        if let Some(refused) = self.limited(request) {
            return refused;
        }
        self.change(|state| self.route(state, request, &parts))
    }

    /// The limit of a route: five calls in a window, told in headers.
    fn limited(&self, request: &Request) -> Option<Answer> {
        let major = route(&request.path);
        if !major.starts_with("/channels/") || request.method == "GET" {
            return None;
        }
        let window = self.window;
        self.change(|state| {
            let used = state.used.entry(format!("{} {major}", request.method)).or_default();
            let now = Instant::now();
            while used.front().is_some_and(|at| now - *at >= window) {
                used.pop_front();
            }
            if used.len() >= 5 {
                let wait = (window - (now - *used.front()?)).as_secs_f64();
                state.violations.push(format!("429 {} {}", request.method, request.path));
                let body = json!({ "message": "You are being rate limited.", "retry_after": wait, "global": false });
                return Some(Answer {
                    status: 429,
                    body,
                    headers: vec![("retry-after", "1".to_owned()), ("x-ratelimit-scope", "user".to_owned())],
                });
            }
            used.push_back(now);
            None
        })
    }

    /// What is left of the limit, for the headers.
    fn told(&self, state: &State, request: &Request) -> Vec<(&'static str, String)> {
        let major = route(&request.path);
        let Some(used) = state.used.get(&format!("{} {major}", request.method)) else { return Vec::new() };
        let left = 5usize.saturating_sub(used.len());
        let after = used.front().map_or(0.0, |at| self.window.saturating_sub(Instant::now() - *at).as_secs_f64());
        // One name for a kind of call; each channel, and what of it is used, has a limit of its own below it.
        let bucket = format!("{} {}", request.method, major.split('/').skip(3).collect::<Vec<_>>().join("/"));
        vec![
            ("x-ratelimit-bucket", bucket),
            ("x-ratelimit-limit", "5".to_owned()),
            ("x-ratelimit-remaining", left.to_string()),
            ("x-ratelimit-reset-after", format!("{after:.3}")),
        ]
    }

    fn route(&self, state: &mut State, request: &Request, parts: &[&str]) -> Answer {
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        let mut answer = match (request.method.as_str(), parts) {
            ("GET", ["gateway"]) => Answer::ok(json!({ "url": format!("ws://127.0.0.1:{}/gw", self.port) })),
            ("GET", ["users", "@me"]) => Answer::ok(user()),
            ("GET", ["users", "@me", "guilds"]) => {
                Answer::ok(json!([{ "id": GUILD.to_string(), "name": "Lab", "permissions": (309_237_763_136_u64).to_string() }]))
            }
            ("GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]) => {
                Answer::ok(json!({ "id": BOT.to_string(), "name": "queue", "flags": if state.intents_refused { 0 } else { 1 << 19 } }))
            }
            ("GET", ["guilds", guild]) if number(guild) == GUILD => Answer::ok(json!({ "id": guild, "name": "Lab", "owner_id": "1" })),
            ("GET", ["guilds", guild, "channels"]) if number(guild) == GUILD => {
                Answer::ok(state.channels.values().filter(|channel| channel["type"] != 11).cloned().collect())
            }
            ("POST", ["guilds", guild, "channels"]) if number(guild) == GUILD => {
                let id = state.id();
                let mut made = request.body.clone();
                (made["id"], made["guild_id"]) = (json!(id.to_string()), json!(guild));
                state.channels.insert(id, made.clone());
                Answer { status: 201, ..Answer::ok(made) }
            }
            ("GET", ["guilds", ..]) => Answer::refused(404, 10_004, "Unknown Guild"),
            ("PUT", ["applications", _, "guilds", _, "commands"]) => {
                let problems = rules::commands(&request.body);
                if problems.is_empty() {
                    state.commands = request.body.clone();
                    Answer::ok(request.body.clone())
                } else {
                    state.violations.extend(problems);
                    Answer::refused(400, 50_035, "Invalid Form Body")
                }
            }
            ("POST", ["interactions", id, token, "callback"]) => self.callback(state, number(id), token, &request.body),
            ("PATCH", ["webhooks", _, token, "messages", "@original"]) => self.finish(state, token, request),
            ("DELETE", ["webhooks", _, token, "messages", "@original"]) => {
                let here = state.asked.values().any(|asked| asked.token == *token && asked.answer.is_some() && asked.message.is_none());
                if here { Answer::empty() } else { Answer::refused(404, 10_008, "Unknown Message") }
            }
            ("POST", ["webhooks", _, token]) => self.aside(state, token, &request.body),
            ("POST" | "PATCH" | "PUT" | "GET" | "DELETE", ["channels", channel, rest @ ..]) => {
                if state.channels.contains_key(&number(channel)) {
                    self.channel(state, request, number(channel), rest)
                } else {
                    Answer::refused(404, 10_003, "Unknown Channel")
                }
            }
            _ => {
                state.violations.push(format!("not known: {} {}", request.method, request.path));
                Answer::refused(404, 0, "404: Not Found")
            }
        };
        answer.headers.extend(self.told(state, request));
        answer
    }

    fn channel(&self, state: &mut State, request: &Request, channel: u64, rest: &[&str]) -> Answer {
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        let here = channel.to_string();
        match (request.method.as_str(), rest) {
            ("GET", []) => Answer::ok(state.channels[&channel].clone()),
            ("PATCH", []) => {
                if let Some(known) = state.channels.get_mut(&channel)
                    && !request.body["name"].is_null()
                {
                    known["name"] = request.body["name"].clone();
                }
                Answer::ok(state.channels[&channel].clone())
            }
            ("PUT", ["permissions", _]) => Answer::empty(),
            ("POST", ["typing"]) => Answer::empty(),
            ("GET", ["messages"]) => {
                let given = |name: &str| request.query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(number);
                let (before, after) = (given("before").unwrap_or(u64::MAX), given("after"));
                let limit = usize::try_from(given("limit").unwrap_or(50)).unwrap();
                if !(1..=100).contains(&limit) {
                    state.violations.push(format!("{limit} messages at once"));
                    return Answer::refused(400, 50_035, "Invalid Form Body");
                }
                let range = state.messages.range(after.map_or(0, |id| id + 1)..before);
                let found: Vec<Value> =
                    range.map(|(_, message)| message).filter(|message| message["channel_id"] == here).cloned().collect();
                // Newest first; after a message, those right behind it.
                let page: Vec<Value> = match after {
                    Some(_) => found.into_iter().take(limit).rev().collect(),
                    None => found.into_iter().rev().take(limit).collect(),
                };
                Answer::ok(Value::Array(page))
            }
            ("POST", ["messages"]) => self.create(state, channel, request),
            ("GET" | "PATCH", ["messages", id]) if state.messages.get(&number(id)).is_none_or(|found| found["channel_id"] != here) => {
                Answer::refused(404, 10_008, "Unknown Message")
            }
            ("GET", ["messages", id]) => match state.messages.get(&number(id)) {
                Some(message) => Answer::ok(message.clone()),
                None => Answer::refused(404, 10_008, "Unknown Message"),
            },
            ("PATCH", ["messages", id]) => self.edit(state, number(id), request),
            ("DELETE", ["messages", id]) => match state.messages.remove(&number(id)) {
                Some(_) => Answer::empty(),
                None => Answer::refused(404, 10_008, "Unknown Message"),
            },
            ("POST", ["messages", id, "threads"]) => {
                let id = number(id);
                let name = request.body["name"].as_str().unwrap_or_default();
                if !(1..=100).contains(&name.chars().count()) {
                    state.violations.push("a thread's name has 1 to 100 characters".to_owned());
                    return Answer::refused(400, 50_035, "Invalid Form Body");
                }
                if state.channels.contains_key(&id) {
                    return Answer::refused(400, 160_004, "A thread has already been created for this message");
                }
                let thread = json!({ "id": id.to_string(), "name": name, "type": 11, "parent_id": here, "guild_id": GUILD.to_string() });
                state.channels.insert(id, thread.clone());
                Answer { status: 201, ..Answer::ok(thread) }
            }
            ("PUT", ["messages", id, "reactions", emoji, "@me"]) => {
                state.reactions.push((number(id), decoded(emoji)));
                Answer::empty()
            }
            ("DELETE", ["messages", id, "reactions", emoji, "@me"]) => {
                let gone = (number(id), decoded(emoji));
                state.reactions.retain(|known| *known != gone);
                Answer::empty()
            }
            _ => {
                state.violations.push(format!("not known: {} {}", request.method, request.path));
                Answer::refused(404, 0, "404: Not Found")
            }
        }
    }

    fn create(&self, state: &mut State, channel: u64, request: &Request) -> Answer {
        let problems = rules::message(&request.body, request.files.len(), true);
        if !problems.is_empty() {
            state.violations.extend(problems);
            return Answer::refused(400, 50_035, "Invalid Form Body");
        }
        state.violations.extend(rules::manners(&request.body));
        let nonce = request.body["nonce"].as_str().unwrap_or_default().to_owned();
        if request.body["enforce_nonce"] == true
            && state.remembers_nonces
            && let Some(known) = state.nonces.get(&(channel, nonce.clone())).and_then(|id| state.messages.get(id))
        {
            return Answer::ok(known.clone());
        }
        let id = state.id();
        state.nonces.insert((channel, nonce), id);
        let mut reference = request.body["message_reference"].clone();
        if !reference.is_null() {
            (reference["channel_id"], reference["guild_id"]) = (json!(channel.to_string()), json!(GUILD.to_string()));
        }
        let message = json!({
            "id": id.to_string(), "channel_id": channel.to_string(), "author": user(), "content": request.body["content"],
            "embeds": request.body["embeds"], "components": request.body["components"], "timestamp": stamp(state), "edited_timestamp": null,
            "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [], "pinned": false,
            "type": if reference.is_null() { 0 } else { 19 }, "attachments": request.files.iter().enumerate().map(|(index, (name, _))| json!({ "id": index.to_string(), "filename": name })).collect::<Vec<_>>(),
            "flags": request.body["flags"].as_u64().unwrap_or(0), "message_reference": reference,
        });
        state.files.extend(request.files.iter().map(|(name, bytes)| (id, name.clone(), bytes.clone())));
        state.messages.insert(id, message.clone());
        Answer::ok(message)
    }

    fn edit(&self, state: &mut State, id: u64, request: &Request) -> Answer {
        let problems = rules::message(&request.body, request.files.len(), false);
        if !problems.is_empty() {
            state.violations.extend(problems);
            return Answer::refused(400, 50_035, "Invalid Form Body");
        }
        state.violations.extend(rules::manners(&request.body));
        state.edits += 1;
        let Some(message) = state.messages.get_mut(&id) else { return Answer::refused(404, 10_008, "Unknown Message") };
        if message["author"]["id"].as_str() != Some(BOT.to_string().as_str()) {
            state.violations.push("somebody else's message was edited".to_owned());
            return Answer::refused(403, 50_005, "Cannot edit a message authored by another user");
        }
        for name in ["content", "embeds", "components"] {
            if !request.body[name].is_null() {
                message[name] = request.body[name].clone();
            }
        }
        Answer::ok(message.clone())
    }

    fn callback(&self, state: &mut State, id: u64, token: &str, body: &Value) -> Answer {
        let limit = std::time::Duration::from_secs(3);
        let Some(asked) = state.asked.get(&id).filter(|asked| asked.token == token).cloned() else {
            return Answer::refused(404, 10_062, "Unknown interaction");
        };
        if asked.answer.is_some() {
            return Answer::refused(400, 40_060, "Interaction has already been acknowledged.");
        }
        if asked.at.elapsed() > limit {
            state.violations.push("an interaction was answered too late".to_owned());
            return Answer::refused(404, 10_062, "Unknown interaction");
        }
        let (kind, data) = (body["type"].as_u64().unwrap_or(0), body["data"].clone());
        let problems = match kind {
            4 => rules::message(&data, 0, true).into_iter().chain(rules::manners(&data)).collect(),
            7 => rules::message(&data, 0, false).into_iter().chain(rules::manners(&data)).collect(),
            9 => rules::modal(&data),
            5 | 6 => Vec::new(),
            8 if data["choices"].as_array().is_some_and(|choices| choices.len() <= 25) => Vec::new(),
            _ => vec![format!("an answer of type {kind} is not known")],
        };
        if !problems.is_empty() {
            state.violations.extend(problems);
            return Answer::refused(400, 50_035, "Invalid Form Body");
        }
        if let (7, Some(message)) = (kind, asked.source.and_then(|id| state.messages.get_mut(&id))) {
            for name in ["content", "embeds", "components"] {
                message[name] = data[name].clone();
            }
        }
        if let Some(known) = state.asked.get_mut(&id) {
            if kind == 4 {
                known.message = Some(data.clone());
            }
            known.answer = Some((kind, data));
        }
        Answer::empty()
    }

    /// Something more for whoever asked, once the first answer was given.
    fn aside(&self, state: &mut State, token: &str, body: &Value) -> Answer {
        let problems: Vec<String> = rules::message(body, 0, true).into_iter().chain(rules::manners(body)).collect();
        if !problems.is_empty() {
            state.violations.extend(problems);
            return Answer::refused(400, 50_035, "Invalid Form Body");
        }
        let id = state.id();
        match state.asked.values_mut().find(|asked| asked.token == token && asked.answer.is_some()) {
            Some(asked) => {
                let mut shown = body.clone();
                shown["id"] = json!(id.to_string());
                asked.message = Some(shown.clone());
                Answer::ok(shown)
            }
            None => Answer::refused(404, 10_015, "Unknown Webhook"),
        }
    }

    fn finish(&self, state: &mut State, token: &str, request: &Request) -> Answer {
        let problems = rules::message(&request.body, request.files.len(), true);
        if !problems.is_empty() {
            state.violations.extend(problems);
            return Answer::refused(400, 50_035, "Invalid Form Body");
        }
        state.violations.extend(rules::manners(&request.body));
        let Some((id, asked)) = state.asked.iter().find(|(_, asked)| asked.token == token).map(|(id, asked)| (*id, asked.clone())) else {
            return Answer::refused(404, 10_015, "Unknown Webhook");
        };
        let Some((kind, _)) = &asked.answer else { return Answer::refused(404, 10_008, "Unknown Message") };
        if let (6, Some(message)) = (kind, asked.source.and_then(|id| state.messages.get_mut(&id))) {
            for name in ["content", "embeds", "components"] {
                message[name] = request.body[name].clone();
            }
        }
        let files: Vec<_> = request.files.iter().map(|(name, bytes)| (id, name.clone(), bytes.clone())).collect();
        state.files.extend(files);
        let mut shown = request.body.clone();
        (shown["id"], shown["channel_id"]) = (json!(state.id().to_string()), json!(asked.channel.to_string()));
        if let Some(known) = state.asked.get_mut(&id) {
            known.message = Some(shown.clone());
        }
        Answer::ok(shown)
    }
}

/// `%E2%9C%85` as `✅`.
fn decoded(text: &str) -> String {
    let bytes: Vec<u8> = text.split('%').skip(1).filter_map(|hex| u8::from_str_radix(hex, 16).ok()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What shares a limit: the channel, and what of it is used. Threads, reactions and messages of one channel each have their own.
fn route(path: &str) -> String {
    let parts = path.split('/').enumerate().map(|(index, part)| {
        let id = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if id && index > 2 { "*" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

//! The state of the fake, and how tests look at it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

/// The guild, the bot, the application, its token.
pub(crate) const GUILD: u64 = 1000;
pub(super) const BOT: u64 = 77;
pub(crate) const TOKEN: &str = "Nzc.C_ikow.j3VupLBuE1QWZng3TMGH0z_UAwg";

/// Something that goes wrong with the next calls whose `METHOD /path` holds a text.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, and nothing done.
    Status(u16),
    /// The connection dies before anything is done.
    Drop,
    /// It is done, and the answer never arrives.
    Lost,
}

/// One interaction.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) token: String,
    pub(super) at: Instant,
    pub(super) channel: u64,
    /// The message that was clicked.
    pub(super) source: Option<u64>,
    /// The first answer: its type and data.
    pub(super) answer: Option<(u64, Value)>,
    /// The message that the answer became, also one that only the asker sees.
    pub(super) message: Option<Value>,
}

/// A session of the gateway.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) events: Vec<Value>,
    /// It may be taken up again.
    pub(super) valid: bool,
}

#[derive(Debug)]
pub(super) struct State {
    next: u64,
    pub(super) channels: BTreeMap<u64, Value>,
    pub(super) messages: BTreeMap<u64, Value>,
    pub(super) nonces: HashMap<(u64, String), u64>,
    pub(super) asked: BTreeMap<u64, Asked>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) commands: Value,
    pub(super) reactions: Vec<(u64, String)>,
    pub(super) files: Vec<(u64, String, Vec<u8>)>,
    pub(super) violations: Vec<String>,
    pub(super) requests: Vec<String>,
    pub(super) faults: VecDeque<(String, Fault, u32)>,
    pub(super) used: HashMap<String, VecDeque<Instant>>,
    pub(super) intents_refused: bool,
    pub(super) remembers_nonces: bool,
    /// Rises when every connection of the gateway shall be cut.
    pub(super) cut: u64,
    /// What waits, and for what.
    pub(super) held: Option<(&'static str, Arc<tokio::sync::Mutex<()>>)>,
    /// What every connection of the gateway is told beside the events, oldest first.
    pub(super) orders: Vec<Value>,
    /// Calls that came, whatever became of them.
    pub(super) attempts: u64,
    pub(super) edits: u64,
    pub(super) thoughts: Vec<Value>,
}

impl State {
    /// A new id: the time and a number, as Discord's are.
    #[expect(clippy::disallowed_methods, reason = "ids of Discord hold its time, which the server's is compared with")]
    pub(super) fn id(&mut self) -> u64 {
        let since = u64::try_from(jiff::Timestamp::now().as_millisecond() - 1_420_070_400_000).unwrap();
        self.next = (self.next + 1).max(since << 22);
        self.next
    }

    pub(super) fn emit(&mut self, kind: &str, data: &Value) {
        for session in self.sessions.values_mut().filter(|session| session.valid) {
            session.events.push(json!({ "op": 0, "t": kind, "d": data, "s": session.events.len() + 1 }));
        }
    }
}

/// The fake.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) changed: Arc<watch::Sender<u64>>,
    pub(super) port: u16,
    pub(super) window: Duration,
}

impl Fake {
    /// Starts one: guild with `#agent-queue` (id 100) and `#app` (id 101).
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let channel = |id: u64, name: &str| (id, json!({ "id": id.to_string(), "name": name, "type": 0, "guild_id": GUILD.to_string() }));
        let state = State {
            next: 5000,
            channels: [channel(100, "agent-queue"), channel(101, "app")].into(),
            messages: BTreeMap::new(),
            nonces: HashMap::new(),
            asked: BTreeMap::new(),
            sessions: BTreeMap::new(),
            commands: Value::Null,
            reactions: Vec::new(),
            files: Vec::new(),
            violations: Vec::new(),
            requests: Vec::new(),
            faults: VecDeque::new(),
            used: HashMap::new(),
            intents_refused: false,
            remembers_nonces: true,
            cut: 0,
            held: None,
            orders: Vec::new(),
            attempts: 0,
            edits: 0,
            thoughts: Vec::new(),
        };
        let (changed, _) = watch::channel(0);
        // Discord's windows are five seconds; a tenth of that keeps tests short and the arithmetic the same.
        let fake = Self { state: Arc::new(Mutex::new(state)), changed: Arc::new(changed), port, window: Duration::from_millis(500) };
        let serving = fake.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let fake = serving.clone();
                tokio::spawn(async move { fake.serve(stream).await });
            }
        });
        fake
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A test that fails while it looks leaves the rest to end in peace.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the state and tells everybody who waits.
    pub(super) fn change<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let made = work(&mut self.state());
        self.changed.send_modify(|count| *count += 1);
        made
    }

    /// Waits until `look` finds something.
    pub(crate) async fn wait<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        let found = tokio::time::timeout(Duration::from_secs(90), async {
            loop {
                if let Some(found) = look(self) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!(
                "{what} did not happen; messages: {:#?}\nrequests: {:#?}",
                self.texts(),
                self.state().requests.iter().rev().take(30).collect::<Vec<_>>()
            ),
        }
    }

    /// Every message of a channel, oldest first.
    pub(crate) fn messages(&self, channel: u64) -> Vec<Value> {
        let wanted = channel.to_string();
        self.state().messages.values().filter(|message| message["channel_id"] == wanted).cloned().collect()
    }

    /// Everything that is written anywhere, with its place.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.state().messages.values().map(|message| format!("{} #{}: {}", message["id"], message["channel_id"], text(message))).collect()
    }

    /// The first message of a channel that holds a text.
    pub(crate) fn find(&self, channel: u64, wanted: &str) -> Option<Value> {
        self.messages(channel).into_iter().find(|message| text(message).contains(wanted))
    }

    /// How many messages of a channel hold a text.
    pub(crate) fn count(&self, channel: u64, wanted: &str) -> usize {
        self.messages(channel).iter().filter(|message| text(message).contains(wanted)).count()
    }

    /// Threads with their names.
    pub(crate) fn threads(&self) -> Vec<(u64, String)> {
        let of = |(id, channel): (&u64, &Value)| (*id, channel["name"].as_str().unwrap_or_default().to_owned());
        self.state().channels.iter().filter(|(_, channel)| channel["type"] == 11).map(of).collect()
    }

    /// What was done wrong.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// The calls that were made, as `METHOD /path status`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Files: message, name, contents.
    pub(crate) fn files(&self) -> Vec<(u64, String, Vec<u8>)> {
        self.state().files.clone()
    }

    /// Emojis below messages.
    pub(crate) fn reactions(&self, message: u64) -> Vec<String> {
        self.state().reactions.iter().filter(|(id, _)| *id == message).map(|(_, emoji)| emoji.clone()).collect()
    }

    /// The registered commands.
    pub(crate) fn commands(&self) -> Value {
        self.state().commands.clone()
    }

    /// The next `count` calls whose `METHOD /path` holds `what` go wrong.
    pub(crate) fn fault(&self, what: &str, fault: Fault, count: u32) {
        self.change(|state| state.faults.push_back((what.to_owned(), fault, count)));
    }

    /// Calls whose path ends with this wait until what is returned is dropped.
    pub(crate) fn hold(&self, what: &'static str) -> tokio::sync::OwnedMutexGuard<()> {
        let gate = Arc::new(tokio::sync::Mutex::new(()));
        let held = Arc::clone(&gate).try_lock_owned().unwrap();
        self.change(|state| state.held = Some((what, gate)));
        held
    }

    /// Nothing goes wrong any more.
    pub(crate) fn mend(&self) {
        self.change(|state| state.faults.clear());
    }

    /// The bot may not read messages.
    pub(crate) fn refuse_intents(&self) {
        self.change(|state| state.intents_refused = true);
    }

    /// Nonces are forgotten at once from now on.
    pub(crate) fn forget_nonces(&self) {
        self.change(|state| state.remembers_nonces = false);
    }

    /// The nonces so far are forgotten, as Discord does after some minutes.
    pub(crate) fn minutes_pass(&self) {
        self.change(|state| state.nonces.clear());
    }

    /// How many calls came, whatever became of them.
    pub(crate) fn attempts(&self) -> u64 {
        self.state().attempts
    }

    /// Asks the gateway to connect again and go on (7).
    pub(crate) fn ask_to_reconnect(&self) {
        self.change(|state| state.orders.push(json!({ "op": 7, "d": null })));
    }

    /// Says that the session is not valid (9) and forgets it.
    pub(crate) fn invalidate(&self) {
        self.change(|state| {
            state.sessions.values_mut().for_each(|session| session.valid = false);
            state.orders.push(json!({ "op": 9, "d": false }));
        });
    }

    /// How many sessions of the gateway there have been.
    pub(crate) fn sessions(&self) -> usize {
        self.state().sessions.len()
    }

    /// Cuts every connection of the gateway.
    pub(crate) fn cut(&self) {
        self.change(|state| state.cut += 1);
    }

    /// Makes a text channel behind the bot's back.
    pub(crate) fn make_channel(&self, name: &str) -> u64 {
        self.change(|state| {
            let id = state.id();
            let made = json!({ "id": id.to_string(), "name": name, "type": 0, "guild_id": GUILD.to_string() });
            state.channels.insert(id, made.clone());
            let mut told = made;
            told["position"] = json!(0);
            told["permission_overwrites"] = json!([]);
            state.emit("CHANNEL_CREATE", &told);
            id
        })
    }

    /// Deletes a channel behind the bot's back.
    pub(crate) fn delete_channel(&self, id: u64) {
        self.change(|state| {
            if let Some(channel) = state.channels.remove(&id) {
                let mut told = channel;
                told["position"] = json!(0);
                told["permission_overwrites"] = json!([]);
                state.emit("CHANNEL_DELETE", &told);
            }
        });
    }
}

/// Everything that is to be read in a message.
pub(crate) fn text(message: &Value) -> String {
    let mut parts = vec![message["content"].as_str().unwrap_or_default().to_owned()];
    for embed in message["embeds"].as_array().into_iter().flatten() {
        parts.extend(["title", "description"].iter().filter_map(|name| embed[*name].as_str().map(str::to_owned)));
        for field in embed["fields"].as_array().into_iter().flatten() {
            parts.push(format!("{}: {}", field["name"].as_str().unwrap_or_default(), field["value"].as_str().unwrap_or_default()));
        }
        parts.extend(embed["footer"]["text"].as_str().map(str::to_owned));
    }
    parts.join("\n")
}

//! Calls against a channel in memory, with a paused clock: what is found again, and what waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::{Broken, Call, CallError, Known, Method, Outbound, Reply, Transport};
use crate::message::Message;

/// The channel, and the time at which it begins, in milliseconds since 1970.
const CHANNEL: u64 = 10;
const BEGIN: i64 = 1_790_000_000_000;

/// What becomes of a call that makes a message.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It is made, and the answer never arrives.
    Lost,
    /// It is not made, and no answer arrives.
    Dropped,
    /// It is refused with this status.
    Refused(u16),
}

#[derive(Debug, Default)]
struct Held {
    messages: BTreeMap<u64, Value>,
    fates: VecDeque<Fate>,
    reads: usize,
}

/// A channel that keeps its messages and forgets every nonce.
#[derive(Clone, Debug, Default)]
struct Room(Arc<Mutex<Held>>);

impl Room {
    /// Messages of somebody, one each second from the begin on.
    fn chatter(&self, count: usize) {
        (0..count).for_each(|_| drop(self.put(&json!({ "content": "chatter" }), "5")));
    }

    fn put(&self, body: &Value, author: &str) -> Value {
        let mut held = self.0.lock().unwrap();
        let at = BEGIN - 1_420_070_400_000 + 1000 * i64::try_from(held.messages.len()).unwrap();
        let id = u64::try_from(at).unwrap() << 22;
        let mut made = body.clone();
        (made["id"], made["author"]) = (json!(id.to_string()), json!({ "id": author }));
        // As Discord does: the answer to a message has a type of its own, and space at the ends goes.
        made["type"] = json!(if body["message_reference"].is_null() { 0 } else { 19 });
        made["content"] = json!(body["content"].as_str().unwrap_or_default().trim());
        held.messages.insert(id, made.clone());
        made
    }

    fn fates(&self, fates: &[Fate]) {
        self.0.lock().unwrap().fates.extend(fates);
    }

    fn texts(&self) -> Vec<String> {
        let held = self.0.lock().unwrap();
        let ours = held.messages.values().filter(|message| message["author"]["id"] == "77");
        ours.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    }
}

#[async_trait::async_trait]
impl Transport for Room {
    async fn perform(&self, call: &Call) -> Result<Reply, Broken> {
        let ok = |body| Ok(Reply { status: 200, body, ..Reply::default() });
        if call.method == Method::Get {
            let mut held = self.0.lock().unwrap();
            held.reads += 1;
            let bound = |name: &str| {
                call.path
                    .split(['?', '&'])
                    .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                    .and_then(|id| id.parse::<u64>().ok())
            };
            let (before, after) = (bound("before").unwrap_or(u64::MAX), bound("after"));
            let of = held.messages.range(after.map_or(0, |id| id + 1)..before).map(|(_, message)| message.clone());
            let page: Vec<Value> = if after.is_some() { of.take(100).collect() } else { of.rev().take(100).collect() };
            return ok(Value::Array(page));
        }
        let fate = self.0.lock().unwrap().fates.pop_front();
        match fate {
            Some(Fate::Dropped) => Err(Broken("dropped".to_owned())),
            Some(Fate::Refused(status)) => Ok(Reply { status, ..Reply::default() }),
            Some(Fate::Lost) => {
                self.put(call.body.as_ref().unwrap(), "77");
                Err(Broken("lost".to_owned()))
            }
            None => ok(self.put(call.body.as_ref().unwrap(), "77")),
        }
    }
}

fn outbound(room: &Room) -> Outbound {
    let outbound = Outbound::new(Arc::new(room.clone()));
    outbound.is_me(77);
    outbound
}

/// Lost once, and then out of reach until the nonce has been forgotten.
fn lost() -> Vec<Fate> {
    std::iter::once(Fate::Lost).chain([Fate::Dropped; 8]).collect()
}

/// Outbound R6: a message is found behind more than a hundred others, and the search ends at the time before which it cannot be.
#[tokio::test(start_paused = true)]
async fn a_mark_is_found_behind_many_messages() {
    let (room, message) = (Room::default(), Message::text("told\n-# event 12"));
    let out = outbound(&room);
    room.chatter(2000);
    let posted = out.post(CHANNEL, &message, Known::Mark("event 12", BEGIN + 2_000_000), false).await.unwrap();
    room.chatter(250);
    assert_eq!(out.post(CHANNEL, &message, Known::Mark("event 12", BEGIN + 2_000_000), true).await.unwrap(), posted);
    room.0.lock().unwrap().reads = 0;
    let other = Message::text("told\n-# event 13");
    assert_ne!(out.post(CHANNEL, &other, Known::Mark("event 13", BEGIN + 2_200_000), true).await.unwrap(), posted);
    let reads = room.0.lock().unwrap().reads;
    assert!((6..=8).contains(&reads), "{reads} pages were read");
}

/// Outbound R6: what a person writes is never taken for a message of ours, whatever it looks like.
#[tokio::test(start_paused = true)]
async fn nobody_forges_a_mark() {
    let (room, message) = (Room::default(), Message::text("told\n-# event 12"));
    let out = outbound(&room);
    room.put(&json!({ "content": "what about event 12" }), "5");
    room.put(&json!({ "content": "x", "embeds": [{ "footer": { "text": "AgentQueue · event 12" } }] }), "6");
    let posted = out.post(CHANNEL, &message, Known::Mark("event 12", BEGIN), true).await.unwrap();
    assert_eq!(room.texts(), ["told\n-# event 12"]);
    assert_eq!(out.post(CHANNEL, &message, Known::Mark("event 12", BEGIN), true).await.unwrap(), posted);
}

/// Outbound R6: a later part of an answer is not taken for the first one, nor one answer for another, nor anything for what was never posted.
#[tokio::test(start_paused = true)]
async fn parts_are_told_apart() {
    let room = Room::default();
    let out = outbound(&room);
    let asked: u64 = room.put(&json!({ "content": "?" }), "5")["id"].as_str().unwrap().parse().unwrap();
    let other = Message::text("the other answer").replying(Some(4));
    out.post(CHANNEL, &other, Known::Behind(asked, "answer to 4"), false).await.unwrap();
    let (first, second) = (Message::text("part one").replying(Some(asked)), Message::text("part two \n"));
    room.fates(&lost());
    let one = out.post(CHANNEL, &first, Known::Behind(asked, "part 0"), false).await.unwrap();
    room.fates(&[Fate::Dropped; 9]);
    let two = out.post(CHANNEL, &second, Known::Behind(one, "part 1"), false).await.unwrap();
    room.fates(&lost());
    let three = out.post(CHANNEL, &second, Known::Behind(two, "part 2"), false).await.unwrap();
    assert!(one < two && two < three);
    assert_eq!(room.texts(), ["the other answer", "part one", "part two", "part two"]);
}

/// F-227, F-235, outbound R7: while too many calls are refused, what has to come through waits and comes through; the rest is held back.
#[tokio::test(start_paused = true)]
async fn what_has_to_come_through_waits() {
    let room = Room::default();
    let out = outbound(&room);
    room.fates(&[Fate::Refused(403); 8000]);
    for _ in 0..8000 {
        let refused = out.call(Call::new(Method::Post, "/channels/10/messages", Some(json!({ "content": "x" })))).await;
        assert!(matches!(refused, Err(CallError::Refused { status: 403, .. })));
    }
    let begun = Instant::now();
    assert!(matches!(out.edit(CHANNEL, 1, &Message::text("progress"), false).await, Err(CallError::HeldBack)));
    out.post(CHANNEL, &Message::text("told\n-# event 1"), Known::Mark("event 1", BEGIN), true).await.unwrap();
    assert!(begun.elapsed() > Duration::from_secs(400) && begun.elapsed() < Duration::from_secs(660), "{:?}", begun.elapsed());
    assert_eq!(room.texts(), ["told\n-# event 1"]);
}

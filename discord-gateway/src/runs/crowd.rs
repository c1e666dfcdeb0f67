//! Many tasks that move at once in one channel, against Discord's limits, in simulated time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use aq_proto::v1 as pb;
use prost::Message as _;
use serde_json::json;
use tokio::time::{Duration, Instant, sleep};

use super::refresh;
use crate::backend::RunRecord;
use crate::backend::stand::{Answer, Answers, stand};
use crate::bridge::Bridge;
use crate::clock::Paused;
use crate::config::DiscordSection;
use crate::message::Message;
use crate::outbound::{Broken, Call, Known, Method, Outbound, Reply, Transport};

const CHANNEL: u64 = 1;
const CARDS: u64 = 1000;
const TASKS: u64 = 50;
/// Calls of a kind that Discord takes of a channel, and within which time.
const MOST: usize = 5;
const WINDOW: Duration = Duration::from_secs(5);

/// Tasks that say in their titles how often they changed.
#[derive(Default)]
struct Crowd {
    changes: Mutex<HashMap<String, u32>>,
    records: Mutex<BTreeMap<String, String>>,
}

impl Answers for Crowd {
    fn answer(&self, path: &str, request: &[u8]) -> Option<Answer> {
        match path {
            "RunService/GetRun" => {
                let task_id = pb::GetRunRequest::decode(request).unwrap().task_id;
                Answer::of(&pb::Run { task_id, number: 1, state: pb::RunState::Running.into(), ..Default::default() })
            }
            "TaskService/GetTask" => {
                let id = pb::GetTaskRequest::decode(request).unwrap().task_id;
                let title = format!("change {} of {id}.", self.changes.lock().unwrap().get(&id).copied().unwrap_or(0));
                let task = pb::Task { id, title, status: pb::TaskStatus::InProgress.into(), last_run_number: 1, ..Default::default() };
                Answer::of(&pb::GetTaskResponse { task: Some(task), ..Default::default() })
            }
            "EventService/ListRecords" => {
                let prefix = pb::ListRecordsRequest::decode(request).unwrap().key_prefix;
                let records = self.records.lock().unwrap();
                let found = records.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
                let records = found.map(|(key, value)| pb::ReaderRecord { key: key.clone(), value: value.clone() }).collect();
                Answer::of(&pb::ListRecordsResponse { records, next_page_token: String::new() })
            }
            _ => None,
        }
    }
}

#[derive(Default)]
struct Seen {
    used: HashMap<Method, VecDeque<Instant>>,
    /// What each message says, and when it began to.
    says: HashMap<u64, (String, Instant)>,
    edits: usize,
    refused: usize,
}

/// A Discord that counts the calls of the channel.
#[derive(Clone, Default)]
struct Discord(Arc<Mutex<Seen>>);

#[async_trait::async_trait]
impl Transport for Discord {
    async fn perform(&self, call: &Call) -> Result<Reply, Broken> {
        sleep(Duration::from_millis(60)).await;
        let now = Instant::now();
        let mut seen = self.0.lock().unwrap();
        let used = seen.used.entry(call.method).or_default();
        while used.front().is_some_and(|at| now - *at >= WINDOW) {
            used.pop_front();
        }
        let wait = used.front().map_or(WINDOW, |at| WINDOW - (now - *at));
        let wait = u64::try_from(wait.as_millis()).unwrap() + 1;
        if used.len() >= MOST {
            seen.refused += 1;
            return Ok(Reply { status: 429, retry_after: Some(wait), ..Reply::default() });
        }
        used.push_back(now);
        let remaining = Some(u32::try_from(MOST - used.len()).unwrap());
        let id = call.path.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or(7);
        seen.edits += usize::from(call.method == Method::Patch);
        let text = call.body.as_ref().map(ToString::to_string).unwrap_or_default();
        seen.says.insert(id, (text, now));
        let body = json!({ "id": id.to_string() });
        Ok(Reply { status: 200, body, limit: Some(5), remaining, reset_after: Some(wait), ..Reply::default() })
    }
}

/// Runs R10: fifty cards of one channel change ten times within a second: no call is refused, a notice does not wait behind them, the newest change is to
/// be seen within three seconds, in the end every card shows its last state, and it takes few more edits than there are cards.
#[tokio::test(start_paused = true)]
async fn fifty_cards_move_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let crowd = Arc::new(Crowd::default());
    for number in 0..TASKS {
        let record = RunRecord { channel: CHANNEL, card: CARDS + number, ..RunRecord::default() };
        let text = serde_json::to_string(&record).unwrap();
        crowd.records.lock().unwrap().insert(RunRecord::key(&format!("task-{number}"), 1), text);
    }
    let discord = Discord::default();
    let server = stand(folder.path(), Arc::<Crowd>::clone(&crowd));
    let outbound = Outbound::new(Arc::new(discord.clone()));
    let bridge = Bridge::new(server, outbound, DiscordSection::sample(), Arc::new(Paused::at(1_790_000_000_000)));
    let change = |number: u64| {
        let task = format!("task-{number}");
        *crowd.changes.lock().unwrap().entry(task.clone()).or_default() += 1;
        let bridge = bridge.clone();
        tokio::spawn(async move { refresh(&bridge, &task, 1, true).await })
    };
    let mut shown = Vec::new();
    for _ in 0..10 {
        shown.extend((0..TASKS).map(change));
        sleep(Duration::from_millis(100)).await;
    }
    let begun = Instant::now();
    let posted = bridge.out.post(CHANNEL, &Message::text("A notice"), Known::Mark("event 1", 0), false).await.unwrap();
    assert!(begun.elapsed() <= Duration::from_secs(3), "the notice came after {:?}", begun.elapsed());
    assert!(discord.0.lock().unwrap().says[&posted].0.contains("A notice"));
    for number in [30, 7, 49] {
        let begun = Instant::now();
        // Others go on changing meanwhile.
        shown.push(change(number + 1 - 10 * u64::from(number > 40)));
        change(number).await.unwrap().unwrap();
        let late = begun.elapsed();
        assert!(late <= Duration::from_secs(3), "the newest change was to be seen after {late:?}");
        assert!(discord.0.lock().unwrap().says[&(CARDS + number)].0.contains("change 11 of"));
    }
    for card in shown {
        card.await.unwrap().unwrap();
    }
    let seen = discord.0.lock().unwrap();
    println!("{TASKS} cards, {} edits for {} changes, {} x 429", seen.edits, TASKS * 10 + 6, seen.refused);
    assert_eq!(seen.refused, 0);
    assert!(seen.edits <= usize::try_from(TASKS).unwrap() + 25, "{} edits", seen.edits);
    let changes = crowd.changes.lock().unwrap();
    for number in 0..TASKS {
        let last = format!("change {} of task-{number}.", changes[&format!("task-{number}")]);
        assert!(seen.says[&(CARDS + number)].0.contains(&last), "{last}: {}", seen.says[&(CARDS + number)].0);
    }
}

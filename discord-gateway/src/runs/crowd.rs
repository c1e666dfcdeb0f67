//! Many tasks that move at once in one channel, against Discord's limits, in simulated time.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use aq_proto::v1 as pb;
use prost::Message as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};

use super::{open, refresh};
use crate::backend::RunRecord;
use crate::backend::stand::{Answer, Answers, Records, stand};
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
/// How soon what is said is to be seen, whatever else is posted.
const SOON: Duration = Duration::from_secs(2);

/// Tasks that say in their titles how often they changed.
#[derive(Default)]
struct Crowd {
    changes: Mutex<HashMap<String, u32>>,
    records: Records,
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
            "RunService/StreamRunOutput" => {
                let (sender, receiver) = mpsc::channel(1);
                let ended = pb::stream_run_output_response::RunEnded { run: None };
                let event = Some(pb::stream_run_output_response::Event::RunEnded(ended));
                sender.try_send(pb::StreamRunOutputResponse { run_number: 1, event }.encode_to_vec()).unwrap();
                Some(Answer::Many(receiver))
            }
            _ => self.records.answer(path, request),
        }
    }
}

#[derive(Default)]
struct Seen {
    /// Calls of each kind in each channel.
    used: HashMap<String, VecDeque<Instant>>,
    /// What each message says, and when it began to.
    says: HashMap<u64, (String, Instant)>,
    edits: usize,
    refused: usize,
    made: u64,
    /// No thread may be opened.
    no_threads: bool,
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
        let mut parts = call.path.split(['/', '?']).skip(2);
        let channel = parts.next().unwrap_or_default();
        let used = seen.used.entry(format!("{:?} {channel} {}", call.method, call.path.ends_with("/threads"))).or_default();
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
        if seen.no_threads && call.path.ends_with("/threads") {
            return Ok(Reply { status: 403, ..Reply::default() });
        }
        seen.made += 1;
        let id = call.path.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or(100_000 + seen.made);
        seen.edits += usize::from(call.method == Method::Patch);
        let text = call.body.as_ref().map(ToString::to_string).unwrap_or_default();
        seen.says.insert(id, (text, now));
        let body = json!({ "id": id.to_string() });
        Ok(Reply { status: 200, body, limit: Some(5), remaining, reset_after: Some(wait), ..Reply::default() })
    }
}

/// A gateway between a server that answers for the crowd and this Discord, with no time but the test's.
fn between(folder: &Path, crowd: &Arc<Crowd>, discord: &Discord) -> Bridge {
    let server = stand(folder, Arc::<Crowd>::clone(crowd));
    let outbound = Outbound::new(Arc::new(discord.clone()));
    Bridge::new(server, outbound, DiscordSection::sample(), Arc::new(Paused::at(1_790_000_000_000)))
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
        crowd.records.put(RunRecord::key(&format!("task-{number}"), 1), text);
    }
    let discord = Discord::default();
    let bridge = between(folder.path(), &crowd, &discord);
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

/// Runs R11: of fifty runs that start at once every card is posted, none is refused and the last one comes at the rate that Discord takes; what
/// people have to read passes them, and the card of the task that it is about comes first.
#[tokio::test(start_paused = true)]
async fn fifty_runs_start_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let discord = Discord::default();
    let bridge = between(folder.path(), &Arc::default(), &discord);
    bridge.channels(|channels| channels.link("app", Some(CHANNEL)));
    let begun = Instant::now();
    let mut opened = Vec::new();
    for seq in 0..TASKS {
        let event = pb::Event { seq, task_id: format!("task-{seq}"), project_id: "app".to_owned(), run_number: 1, ..Default::default() };
        opened.push(open(&bridge, &event, false).await.unwrap().unwrap());
    }
    // Its thread bears the name of the task as well.
    let cards = |seen: &Seen| seen.says.values().filter(|(text, _)| text.contains("embeds") && text.contains("change 0 of")).count();
    let say = async |text: &str| {
        let asked = Instant::now();
        bridge.out.post(CHANNEL, &Message::text(text), Known::Mark(text, 0), false).await.unwrap();
        assert!(asked.elapsed() <= SOON, "{text} came after {:?}", asked.elapsed());
    };
    for second in [3, 9, 17] {
        sleep(begun + Duration::from_secs(second) - Instant::now()).await;
        say(&format!("An answer at {second}")).await;
    }
    // A task that is far behind has something to tell.
    let (asked, before) = (Instant::now(), cards(&discord.0.lock().unwrap()));
    bridge.opened("app", "task-45").await;
    assert!(discord.0.lock().unwrap().says.values().any(|(text, _)| text.contains("change 0 of task-45.")));
    assert!(asked.elapsed() <= WINDOW, "its card came after {:?}", asked.elapsed());
    say("A notice of task-45").await;
    let posted = cards(&discord.0.lock().unwrap());
    // Both waited for a window at most, and no window has room for more cards than this.
    assert!(before < 25 && posted <= before + 2 * MOST, "{before} cards, then {posted}, came first, {:?} after the start", begun.elapsed());
    for card in opened {
        card.await.unwrap().unwrap();
    }
    let (seen, lasted) = (discord.0.lock().unwrap(), begun.elapsed());
    println!("{TASKS} new cards after {lasted:?}, {posted} of them before the notice of task-45, {} x 429", seen.refused);
    assert_eq!((cards(&seen), seen.refused), (50, 0));
    assert!(lasted <= Duration::from_secs(75), "the last card came after {lasted:?}");
}

/// Runs R12: a thread that could not be opened is tried again when its run goes on; its card stays the only one.
#[tokio::test(start_paused = true)]
async fn a_thread_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let discord = Discord::default();
    let bridge = between(folder.path(), &Arc::default(), &discord);
    bridge.channels(|channels| channels.link("app", Some(CHANNEL)));
    for (seq, refused) in [(1, true), (2, true), (3, false)] {
        discord.0.lock().unwrap().no_threads = refused;
        let event = pb::Event { seq, task_id: "task-1".to_owned(), project_id: "app".to_owned(), run_number: 1, ..Default::default() };
        open(&bridge, &event, false).await.unwrap().unwrap().await.unwrap().unwrap();
        let record = bridge.server.run_record("task-1", 1).await.unwrap().unwrap();
        assert_eq!((record.mark.as_str(), record.thread > 0), ("event 1", !refused));
    }
    let seen = discord.0.lock().unwrap();
    assert_eq!(seen.says.values().filter(|(text, _)| text.contains("event ") && text.contains("nonce")).count(), 1);
}

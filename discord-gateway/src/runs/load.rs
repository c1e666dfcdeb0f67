//! Calm under load: many agents at full output, against a Discord with its real limits, in simulated time.
//!
//! `AQ_DISCORD_LOAD=AGENTS,SECONDS` says how much; a usual run is short. It prints its figures. What it takes of memory counts in a process of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use aq_proto::v1 as pb;
use prost::Message as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};

use super::follow::follow;
use crate::backend::RunRecord;
use crate::backend::stand::{Answer, Answers, Records, stand};
use crate::bridge::Bridge;
use crate::clock::Paused;
use crate::config::DiscordSection;
use crate::outbound::{Broken, Call, Method, Outbound, Reply, Transport};

/// How often an agent says something, and how much, in bytes.
const BEAT: Duration = Duration::from_millis(250);
const WORDS: usize = 2000;

/// Discord's limits: of a channel and a kind of call within five seconds, of a bot within one.
const OF_ROUTE: (usize, Duration) = (5, Duration::from_secs(5));
const OF_BOT: (usize, Duration) = (50, Duration::from_secs(1));

/// How long a call takes to Discord, and its answer back.
const WAY: Duration = Duration::from_millis(60);

/// The channel with the cards; cards and threads are numbered from here on.
const CHANNEL: u64 = 1;
const CARDS: u64 = 1000;

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment how much is wanted")]
fn wanted() -> (u64, u64) {
    let text = std::env::var("AQ_DISCORD_LOAD").unwrap_or_else(|_| "12,30".to_owned());
    let (agents, seconds) = text.split_once(',').unwrap();
    (agents.parse().unwrap(), seconds.parse().unwrap())
}

/// Agents that talk without end, and what the server keeps.
struct Talkers {
    begun: Instant,
    until: Instant,
    records: Records,
}

/// The item that an agent says at this moment: when it was said, and words with tools between them.
fn item(seq: u64, at: Duration) -> pb::StreamRunOutputResponse {
    let words = if seq.is_multiple_of(3) {
        let call = pb::output_item::ToolCall {
            call_id: seq.to_string(),
            name: "Read".into(),
            summary: format!("src/{seq}.rs"),
            input: String::new(),
        };
        pb::output_item::Body::ToolCall(call)
    } else {
        let text = format!("{}\nsaid at {} ms", "Words and `code` of an agent.\n".repeat(WORDS / 30), at.as_millis());
        pb::output_item::Body::Text(pb::output_item::Text { text })
    };
    let item = pb::OutputItem { seq, body: Some(words), ..Default::default() };
    pb::StreamRunOutputResponse { run_number: 1, event: Some(pb::stream_run_output_response::Event::Item(item)) }
}

impl Answers for Talkers {
    fn answer(&self, path: &str, request: &[u8]) -> Option<Answer> {
        match path {
            "RunService/StreamRunOutput" => {
                let request = pb::StreamRunOutputRequest::decode(request).unwrap();
                let (sender, receiver) = mpsc::channel(16);
                let (begun, until) = (self.begun, self.until);
                tokio::spawn(async move {
                    let mut seq = request.after_seq;
                    let beats = until.duration_since(begun).as_millis() / BEAT.as_millis();
                    loop {
                        seq += 1;
                        let over = if request.follow { Instant::now() >= until } else { u128::from(seq) > beats };
                        if over {
                            let ended = pb::stream_run_output_response::RunEnded { run: None };
                            let event = Some(pb::stream_run_output_response::Event::RunEnded(ended));
                            drop(sender.send(pb::StreamRunOutputResponse { run_number: 1, event }.encode_to_vec()).await);
                            return;
                        }
                        if sender.send(item(seq, begun.elapsed()).encode_to_vec()).await.is_err() {
                            return;
                        }
                        if request.follow {
                            sleep(BEAT).await;
                        }
                    }
                });
                Some(Answer::Many(receiver))
            }
            "RunService/GetRun" => {
                let request = pb::GetRunRequest::decode(request).unwrap();
                Answer::of(&pb::Run { task_id: request.task_id, number: 1, state: pb::RunState::Running.into(), ..Default::default() })
            }
            "TaskService/GetTask" => {
                let id = pb::GetTaskRequest::decode(request).unwrap().task_id;
                let task = pb::Task {
                    id,
                    title: "A task".into(),
                    status: pb::TaskStatus::InProgress.into(),
                    last_run_number: 1,
                    ..Default::default()
                };
                Answer::of(&pb::GetTaskResponse { task: Some(task), ..Default::default() })
            }
            _ => self.records.answer(path, request),
        }
    }
}

#[derive(Default)]
struct Seen {
    used: HashMap<String, VecDeque<Instant>>,
    /// When what is to be seen in each thread was said, in milliseconds since the begin.
    newest: HashMap<u64, u128>,
    calls: u64,
    edits_of_cards: u64,
    refused: u64,
    worst: u128,
    files: u64,
    id: u64,
}

/// A Discord that counts as Discord does.
#[derive(Clone)]
struct Discord(Arc<Mutex<Seen>>, Instant);

impl Seen {
    /// Takes a place; else how long there is none.
    fn take(&mut self, name: &str, (most, window): (usize, Duration)) -> Result<(usize, Duration), Duration> {
        let now = Instant::now();
        let used = self.used.entry(name.to_owned()).or_default();
        while used.front().is_some_and(|at| now - *at >= window) {
            used.pop_front();
        }
        let wait = used.front().map_or(window, |at| window - (now - *at));
        if used.len() >= most {
            return Err(wait);
        }
        used.push_back(now);
        Ok((most - used.len(), wait))
    }
}

#[async_trait::async_trait]
impl Transport for Discord {
    async fn perform(&self, call: &Call) -> Result<Reply, Broken> {
        sleep(WAY).await;
        let mut parts = call.path.split(['/', '?']).skip(2);
        let channel: u64 = parts.next().unwrap().parse().unwrap();
        let reply = {
            let mut seen = self.0.lock().unwrap();
            seen.calls += 1;
            let route = format!("{:?} {channel} {}", call.method, call.path.split('/').count());
            let place = match seen.take("all", OF_BOT) {
                Ok(_) => seen.take(&route, OF_ROUTE),
                Err(wait) => Err(wait),
            };
            match place {
                Err(wait) => {
                    seen.refused += 1;
                    Reply { status: 429, retry_after: Some(u64::try_from(wait.as_millis()).unwrap() + 1), ..Reply::default() }
                }
                Ok((left, wait)) => {
                    seen.id += 1;
                    seen.files += u64::from(!call.files.is_empty());
                    let text = call.body.as_ref().and_then(|body| body["content"].as_str()).unwrap_or_default();
                    let said = text.rsplit_once("said at ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u128>().ok());
                    if channel == CHANNEL {
                        seen.edits_of_cards += 1;
                    } else if let Some(said) = said {
                        // The first thing that was not to be seen until now was said one beat after the last that was.
                        let before = seen.newest.insert(channel, said).map_or(0, |before| before + BEAT.as_millis());
                        seen.worst = seen.worst.max(self.1.elapsed().as_millis().saturating_sub(before));
                    }
                    let body = if call.method == Method::Get { json!([]) } else { json!({ "id": (1_000_000 + seen.id).to_string() }) };
                    Reply {
                        status: 200,
                        body,
                        bucket: Some(format!("{:?}", call.method)),
                        limit: Some(5),
                        remaining: Some(u32::try_from(left).unwrap()),
                        reset_after: Some(u64::try_from(wait.as_millis()).unwrap() + 1),
                        ..Reply::default()
                    }
                }
            }
        };
        sleep(WAY).await;
        Ok(reply)
    }
}

/// Memory of this process, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Runs R9, F-227: many agents at full output stay within Discord's limits, their newest words are to be seen within three seconds, and little memory
/// is taken.
#[tokio::test(start_paused = true)]
async fn many_agents_at_full_output() {
    let (agents, seconds) = wanted();
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let records = Records::default();
    let mut kept = Vec::new();
    for agent in 0..agents {
        let record = RunRecord {
            channel: CHANNEL,
            card: CARDS + agent,
            thread: 2 * CARDS + agent,
            mark: format!("event {agent}"),
            ..RunRecord::default()
        };
        records.put(RunRecord::key(&format!("task-{agent}"), 1), serde_json::to_string(&record).unwrap());
        kept.push(record);
    }
    let server = stand(folder.path(), Arc::new(Talkers { begun, until, records }));
    let discord = Discord(Arc::default(), begun);
    let outbound = Outbound::new(Arc::new(discord.clone()));
    let bridge = Bridge::new(server, outbound, DiscordSection::sample(), Arc::new(Paused::at(1_790_000_000_000)));
    let before = memory();
    let mut runs = Vec::new();
    for (agent, record) in kept.into_iter().enumerate() {
        let (bridge, task) = (bridge.clone(), format!("task-{agent}"));
        assert!(bridge.begin(&task, 1));
        runs.push(tokio::spawn(async move { follow(&bridge, &task, 1, record).await }));
    }
    let mut most = before;
    while Instant::now() < until {
        sleep(Duration::from_secs(1)).await;
        most = most.max(memory());
    }
    let streamed = discord.0.lock().unwrap().worst;
    for run in runs {
        run.await.unwrap().unwrap();
        most = most.max(memory());
    }
    let seen = discord.0.lock().unwrap();
    println!(
        "{agents} agents, {seconds} s simulated, {} KiB/s of output: {} calls ({:.1}/s, {} of cards), {} x 429, newest words after at most {streamed} ms, \
         {} logs, memory {:.1} MiB above {:.1} MiB",
        agents * u64::try_from(WORDS).unwrap() * 4 * 2 / 3 / 1024,
        seen.calls,
        seen.calls as f64 / begun.elapsed().as_secs_f64(),
        seen.edits_of_cards,
        seen.refused,
        seen.files,
        (most - before) as f64 / 1_048_576.0,
        before as f64 / 1_048_576.0,
    );
    assert_eq!((seen.refused, seen.files), (0, agents));
    assert!(streamed <= 3000, "{streamed} ms");
    // Other tests of this process take memory too.
    if alone() {
        assert!(most < 64 * 1024 * 1024, "{most} bytes");
    }
}

/// Runs R9: alone in a process of its own, the same takes less than 64 MiB.
#[test]
fn many_agents_take_little_memory() {
    let program = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(program);
    let output = command.args(["--exact", "runs::load::many_agents_at_full_output", "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Says that nothing else runs in this process.
const ALONE: &str = "AQ_DISCORD_ALONE";

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment that it is alone")]
fn alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

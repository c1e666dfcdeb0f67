//! Crashes at random points: whatever dies, breaks or is refused, each event is announced once, and in order.
//!
//! `AQ_DISCORD_CRASHES` says how many there are, `AQ_SEED` how chance falls. The moment of a crash is a number of calls that Discord gets, so that
//! it comes while something happens.

use std::collections::{BTreeMap, BTreeSet};

use aq_proto::v1 as pb;
use serde_json::Value;

use crate::fake::Fault;
use crate::world::{APP, MAIN, World};

/// Crashes of a usual run of the tests, and the seed of it.
const USUAL: u64 = 6;
const SEED: u64 = 1;

/// How many crashes lie between two looks at everything.
const LOOK: u64 = 10;

#[expect(clippy::disallowed_methods, reason = "a test is told what to repeat by the environment")]
fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Chance that falls the same way for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What was made.
#[derive(Default)]
struct Made {
    /// The titles of tasks that are not over, with the file that each waits for.
    open: Vec<(String, String, std::path::PathBuf)>,
    tasks: u64,
    kinds: BTreeMap<&'static str, u64>,
}

impl Made {
    /// A task that says two things, with a pause for a crash between them; some fail, some ask.
    async fn task(&mut self, world: &World, dice: &mut Dice) {
        self.tasks += 1;
        let number = self.tasks;
        let gate = world.path(&format!("gate-{number}"));
        let end = match dice.below(4) {
            0 => "fail it is broken".to_owned(),
            1 => format!("ask Which way for {number}? | Left | Right\ndone Went {{answer}}."),
            _ => format!("done Over with {number}."),
        };
        let script = format!("say Begins {number}.\ntool Read a.rs\nwait-file {}\nsay Ends {number}.\n{end}", gate.display());
        let project = if dice.below(3) == 0 { "web" } else { "app" };
        let title = format!("Job {number}");
        let task = world
            .task_with(&title, &script, |task| {
                task.project_id = project.into();
                task.max_retries = Some(0);
            })
            .await;
        self.open.push((task, title, gate));
    }

    /// Lets every task go on, answers what is asked, and waits until each is over and told.
    async fn settle(&mut self, world: &World) {
        for (_, _, gate) in &self.open {
            std::fs::write(gate, "").unwrap();
        }
        let channels = [APP, MAIN];
        for (task, title, _) in std::mem::take(&mut self.open) {
            let told = |fake: &crate::fake::Fake| {
                channels.iter().find_map(|channel| {
                    let over =
                        ["Task Completed", "Task Blocked"].iter().any(|word| fake.find(*channel, &format!("{word}: {title}\n")).is_some());
                    let number = title.trim_start_matches("Job ");
                    let asked = fake.messages(*channel).iter().any(|message| {
                        let text = crate::fake::text(message);
                        text.contains(&format!("Which way for {number}?")) && !text.contains("answered by")
                    });
                    (over || asked).then_some(asked && !over)
                })
            };
            let asks = world.fake.wait(&format!("{title} to be told"), told).await;
            if asks {
                let answer = Some(pb::answer_question_request::Answer::Text("left".into()));
                let request = pb::AnswerQuestionRequest { task_id: task.clone(), answer, ..Default::default() };
                world.admin.tasks().answer_question(request).await.unwrap();
                world
                    .fake
                    .wait("the answered task", |fake| {
                        channels.iter().find_map(|channel| fake.find(*channel, &format!("Task Completed: {title}\n")))
                    })
                    .await;
            }
        }
    }
}

/// Every event of the server, oldest first.
async fn events(world: &World) -> Vec<pb::Event> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListEventsRequest { page_size: 200, page_token: token, ..Default::default() };
        let answer = world.admin.events().list_events(request).await.unwrap().into_inner();
        found.extend(answer.events);
        token = answer.next_page_token;
        if token.is_empty() {
            found.sort_by_key(|event| event.seq);
            return found;
        }
    }
}

/// The event that a message is about.
fn mark(message: &Value) -> Option<u64> {
    let small = message["embeds"][0]["footer"]["text"].as_str()?;
    small.rsplit_once("event ")?.1.parse().ok()
}

/// Looks at everything: each event that has to be announced is there once, the others at most once; notices are in order, each below the card of its run;
/// each thread says each thing once.
async fn look(world: &World) -> usize {
    let events = events(world).await;
    let known: BTreeMap<u64, &pb::Event> = events.iter().map(|event| (event.seq, event)).collect();
    let (mut seen, mut cards) = (BTreeSet::new(), BTreeSet::new());
    for channel in [APP, MAIN] {
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for message in world.fake.messages(channel) {
            let Some(seq) = mark(&message) else { continue };
            assert!(seen.insert(seq), "event {seq} is announced twice: {:#?}", world.fake.texts());
            let event = known[&seq];
            let run = (event.task_id.as_str(), event.run_number);
            if event.r#type == "task.started" {
                assert!(cards.insert(run), "{run:?} has two cards");
                continue;
            }
            assert!(event.run_number == 0 || cards.contains(&run), "event {seq} is announced before the card of {run:?}");
            let before = last.insert(&event.project_id, seq).unwrap_or(0);
            assert!(before < seq, "event {seq} is announced after event {before}");
        }
    }
    let mut runs = BTreeSet::new();
    for event in &events {
        let told = match event.r#type.as_str() {
            "task.completed" | "task.blocked" => true,
            // A run that starts again after its question goes on below its card.
            "task.started" => runs.insert((event.task_id.as_str(), event.run_number)),
            _ => false,
        };
        assert!(!told || seen.contains(&event.seq), "{} {} of {} is not announced", event.r#type, event.seq, event.task_id);
    }
    for (thread, name) in world.fake.threads() {
        let number = name.trim_start_matches("[web] ").trim_start_matches("Job ");
        world.fake.wait("the log", |fake| fake.find(thread, "The whole log")).await;
        for said in [format!("Begins {number}."), format!("Ends {number}."), "The whole log".to_owned()] {
            assert_eq!(world.fake.count(thread, &said), 1, "`{said}` in {name}: {:#?}", world.fake.messages(thread));
        }
    }
    let rude: Vec<String> = world.fake.violations().into_iter().filter(|line| !line.starts_with("429")).collect();
    assert_eq!(rude, Vec::<String>::new());
    seen.len()
}

/// Something that goes wrong with the next calls.
fn trouble(world: &World, dice: &mut Dice) {
    let what = ["/channels/101/messages", "/channels/100/messages", "threads", "POST /channels/", "PATCH /channels/", "/channels/"];
    let what = what[usize::try_from(dice.below(6)).unwrap()];
    let fault = match dice.below(5) {
        0 => Fault::Status(500),
        1 => Fault::Status(503),
        2 => Fault::Status(429),
        3 => Fault::Drop,
        _ => Fault::Lost,
    };
    world.fake.fault(what, fault, u32::try_from(1 + dice.below(3)).unwrap());
}

/// Waits until Discord got some more calls.
async fn calls(world: &World, more: u64) {
    let wanted = world.fake.attempts() + more;
    world.fake.wait("calls", |fake| (fake.attempts() >= wanted).then_some(())).await;
}

/// F-235, F-236, D-97: gateways and servers killed at random points, dropped connections, sessions taken away, refused and lost calls, storms of
/// 429 and 5xx: each event is announced once, in order, and each thread says each thing once.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_crashes_each_event_is_announced_once() {
    let (count, seed) = (asked("AQ_DISCORD_CRASHES", USUAL), asked("AQ_SEED", SEED));
    let mut dice = Dice(seed);
    let mut world = World::without_gateway().await;
    world.project("Web", "").await;
    for name in ["Lyra", "Mira", "Rigel"] {
        world.agent(name).await;
    }
    world.start_gateway().await;
    let mut made = Made::default();
    let mut announced = 0;
    for round in 1..=count {
        made.task(&world, &mut dice).await;
        if dice.below(3) > 0 {
            trouble(&world, &mut dice);
        }
        // Some end while the crash comes, some only after it.
        if dice.below(2) == 0 {
            made.open.iter().for_each(|(_, _, gate)| std::fs::write(gate, "").unwrap());
        }
        calls(&world, dice.below(5)).await;
        let kind = match dice.below(8) {
            0..=2 => {
                world.kill_gateway();
                // Whoever comes next cannot rely on what Discord remembers.
                world.fake.minutes_pass();
                world.start_gateway().await;
                "gateway"
            }
            3 => {
                world.kill_gateway();
                world.launch_gateway();
                calls(&world, 1 + dice.below(8)).await;
                world.kill_gateway();
                world.start_gateway().await;
                "gateway twice"
            }
            4 => {
                world.restart_server().await;
                "server"
            }
            5 => {
                world.kill_gateway();
                world.fake.minutes_pass();
                world.restart_server().await;
                world.start_gateway().await;
                "both"
            }
            6 => {
                world.fake.cut();
                "cut"
            }
            _ if dice.below(2) == 0 => {
                world.fake.ask_to_reconnect();
                "reconnect"
            }
            _ => {
                world.fake.invalidate();
                "session"
            }
        };
        *made.kinds.entry(kind).or_default() += 1;
        if round % LOOK == 0 || round == count {
            world.fake.mend();
            made.settle(&world).await;
            announced = look(&world).await;
            println!("seed {seed}: {round} crashes {:?}, {} tasks, {announced} messages about events, each once", made.kinds, made.tasks);
        }
    }
    assert!(announced > 0);
}

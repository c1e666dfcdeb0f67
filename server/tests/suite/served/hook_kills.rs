//! Kills a real `aqd` with SIGKILL while hooks fire, again and again, and looks at the ledger: each due time and each event is there exactly once, and what a
//! hook does was done at most once. `AQ_KILLS` says how often. The ledger keeps 500 runs of a hook and each kill starts at least one of the hook that hears of notes, so the notes are
//! those of as many projects, each with its own hook, as there are hundreds of kills.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aq_proto::v1 as pb;
use rand::{Rng as _, SeedableRng as _};

use super::place::Place;
use super::world::{Launched, Served};

/// Hooks with an interval, made one after the other, so that one of them is due every other second.
const PERIODIC: usize = 5;
/// Their interval, the shortest that is allowed, in seconds.
const EVERY: i64 = 10;
/// Kills during which the notes are those of one project.
const OF_A_PROJECT: usize = 100;
/// The server of every life: acts take a moment, because a program runs first.
const CONFIG: &str = "hook_engine: {shell: true}\nagents: {sandbox: none}\n";
/// Longest wait for what has to happen.
const PATIENCE: Duration = Duration::from_secs(120);

#[expect(clippy::disallowed_methods, reason = "a person says how often")]
fn kills() -> usize {
    std::env::var("AQ_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

fn hook(project: &str, name: &str, trigger: pb::hook_trigger::Kind) -> pb::CreateHookRequest {
    let notice = pb::NoticeAction { text: name.into(), ..Default::default() };
    let shell = pb::ShellStep { argv: vec!["true".into()], ..Default::default() };
    pb::CreateHookRequest {
        project_id: project.into(),
        name: name.into(),
        trigger: Some(pb::HookTrigger { kind: Some(trigger) }),
        steps: vec![pb::HookStep { kind: Some(pb::hook_step::Kind::Shell(shell)), ..Default::default() }],
        actions: vec![pb::HookAction { kind: Some(pb::hook_action::Kind::Notice(notice)) }],
        cooldown: Some(prost_types::Duration::default()),
        missed: pb::MissedFires::All.into(),
        ..Default::default()
    }
}

/// A project with hooks of an interval and of a calendar, and projects with a hook of notes each; those first, then the projects, then all hooks.
async fn prepare(served: &Served) -> (Vec<String>, Vec<String>) {
    let project = served.project().await;
    let every = Some(prost_types::Duration { seconds: EVERY, nanos: 0 });
    let periodic = (0..PERIODIC).map(|number| (format!("Every {number}"), pb::hook_trigger::Kind::Periodic(pb::PeriodicTrigger { every })));
    let cron = pb::hook_trigger::Kind::Cron(pb::CronTrigger { expression: "* * * * *".into(), zone: String::new() });
    let (mut projects, mut ids) = (Vec::new(), Vec::new());
    for (name, trigger) in periodic.chain([("Minute".to_owned(), cron)]) {
        ids.push(served.admin.hooks().create_hook(hook(&project, &name, trigger)).await.unwrap().into_inner().id);
    }
    for number in 0..kills().div_ceil(OF_A_PROJECT) {
        let request = pb::CreateProjectRequest { name: format!("Notes {number}"), ..Default::default() };
        let project = served.admin.projects().create_project(request).await.unwrap().into_inner().id;
        let event = pb::hook_trigger::Kind::Event(pb::EventTrigger { events: vec!["note.*".into()], ..Default::default() });
        ids.push(served.admin.hooks().create_hook(hook(&project, "Notes", event)).await.unwrap().into_inner().id);
        projects.push(project);
    }
    (projects, ids)
}

/// Every run of a hook that is kept.
async fn runs(served: &Served, hook: &str) -> Vec<pb::HookRun> {
    let mut request = pb::ListHookRunsRequest { hook_id: hook.into(), page_size: 200, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page = served.admin.hooks().list_hook_runs(request.clone()).await.unwrap().into_inner();
        all.extend(page.runs);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

/// Every event of a type.
async fn events(served: &Served, kind: &str) -> Vec<pb::Event> {
    let filter = Some(pb::EventFilter { types: vec![kind.into()], ..Default::default() });
    let mut request = pb::ListEventsRequest { filter, page_size: 200, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page = served.admin.events().list_events(request.clone()).await.unwrap().into_inner();
        all.extend(page.events);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

/// What hooks do from now on.
async fn watch(served: &Served) -> tonic::Streaming<pb::WatchEventsResponse> {
    let filter = Some(pb::EventFilter { types: vec!["hook.*".into()], ..Default::default() });
    let request = pb::WatchEventsRequest { filter, follow: true, ..Default::default() };
    let mut stream = served.admin.events().watch_events(request).await.unwrap().into_inner();
    // The first message says that it follows; what happens after it is seen.
    let _started = stream.message().await.unwrap();
    stream
}

/// Waits until a hook did something of this kind.
async fn until(stream: &mut tonic::Streaming<pb::WatchEventsResponse>, kind: &str) {
    let wait = async {
        while let Some(message) = stream.message().await.unwrap() {
            if matches!(message.event, Some(pb::watch_events_response::Event::Item(event)) if event.r#type == kind) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

/// One life after the other, each of which ends while a hook is due, runs, or has just run.
async fn live(mut served: Served, projects: &[String], rng: &mut rand::rngs::StdRng) -> Served {
    let kills = kills();
    for kill in 0..kills {
        let note = pb::AppendNoteRequest {
            project_id: projects[kill / OF_A_PROJECT].clone(),
            title: format!("Note {}", kill % 20),
            text: format!("{kill}"),
            request_id: format!("note-{kill}"),
        };
        let (admin, mut doing) = (served.admin.clone(), watch(&served).await);
        let asked = note.clone();
        let call = tokio::spawn(async move { admin.notes().append_note(asked).await.is_ok() });
        match rng.random_range(0..5) {
            // The call is on its way.
            0 => tokio::task::yield_now().await,
            // It is answered, so the event is committed and the hook may be starting.
            1 => drop(call.await),
            2 => until(&mut doing, "hook.fired").await,
            3 => until(&mut doing, "hook.finished").await,
            _ => until(&mut doing, "hook.notice").await,
        }
        let folder = Arc::clone(&served.process.folder);
        drop(served);
        if rng.random_bool(0.125) {
            // Killed again while it takes up what was running.
            let mut early = Launched::on(Arc::clone(&folder), CONFIG, &[]);
            if rng.random_bool(0.5) {
                let _line = early.until("assistants are served").await;
            }
        }
        served = Launched::on(folder, CONFIG, &[]).serving().await;
        let again = served.admin.notes().append_note(note).await;
        assert!(again.is_ok(), "kill {kill}: {again:?}");
    }
    served
}

/// Waits until nothing is queued or runs. Intervals go on meanwhile, so they are switched off first.
async fn settle(served: &Served, hooks: &[String]) {
    for hook in hooks {
        let off = pb::DisableHookRequest { hook_id: hook.clone(), ..Default::default() };
        served.admin.hooks().disable_hook(off).await.unwrap();
    }
    let done = async {
        for hook in hooks {
            let open = [pb::HookRunState::Queued, pb::HookRunState::Running];
            while runs(served, hook).await.iter().any(|run| open.contains(&run.state())) {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("the hooks came to no rest");
}

/// hooks R1, R2, F-137, F-146, D-65, D-70: whenever the whole server dies, each (hook, due time) and each (hook, event) has exactly one run, due times follow each
/// other without a gap, every run is over, and its act was done once, or, when its server died over it, at most once.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_neither_loses_nor_repeats_a_fire() {
    let served = Launched::on(Place::new(), CONFIG, &[]).serving().await;
    let (projects, hooks) = prepare(&served).await;
    let served = live(served, &projects, &mut rand::rngs::StdRng::seed_from_u64(7)).await;
    settle(&served, &hooks).await;
    let mut notices: BTreeMap<String, usize> = BTreeMap::new();
    for event in events(&served, "hook.notice").await {
        *notices.entry(event.attributes["run_id"].clone()).or_default() += 1;
    }
    let (mut fires, mut interrupted) = (0, 0);
    for (number, hook) in hooks.iter().enumerate() {
        let all = runs(&served, hook).await;
        assert!(all.len() < 500, "{} runs: older ones are not kept, and this test counts them all", all.len());
        for run in &all {
            let told = notices.remove(&run.id).unwrap_or_default();
            match run.state() {
                pb::HookRunState::Completed => assert_eq!(told, 1, "{run:?}"),
                pb::HookRunState::Failed => {
                    assert!(run.note.contains("interrupted") && told <= 1, "{run:?}");
                    interrupted += 1;
                }
                other => panic!("{other:?}: {run:?}"),
            }
        }
        fires += all.len();
        if number <= PERIODIC {
            let step = if number < PERIODIC { EVERY } else { 60 };
            let mut times: Vec<i64> = all.iter().map(|run| run.scheduled_at.unwrap().seconds).collect();
            times.sort_unstable();
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] == step), "hook {number}: {times:?}");
        } else {
            let started: Vec<u64> = all.iter().map(|run| run.event_seq).collect();
            let seen: BTreeSet<u64> = started.iter().copied().collect();
            let of_project = &projects[number - PERIODIC - 1];
            let notes = events(&served, "note.*").await;
            let happened: BTreeSet<u64> = notes.iter().filter(|event| event.project_id == *of_project).map(|event| event.seq).collect();
            assert_eq!(seen.len(), started.len(), "an event started its hook twice");
            assert_eq!(seen, happened);
        }
    }
    assert!(notices.is_empty(), "{notices:?}");
    let findings = served.admin.admin().check_invariants(pb::CheckInvariantsRequest::default()).await.unwrap().into_inner().findings;
    assert!(findings.is_empty(), "{findings:?}");
    println!("{} kills, {fires} fires each once, {interrupted} interrupted", kills());
}

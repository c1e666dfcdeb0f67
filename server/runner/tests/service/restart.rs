//! The server dies and comes back; shims do not notice. And shims die.

use std::os::unix::fs::PermissionsExt as _;

use aq_core::output::{FailureClass, OutputBody};
use aq_core::runner_link::{Answer, RunOutcome, RunReport, RunnerLink, RunnerOrder, StopReason};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, assert_gapless, begin, nobody_in, run};

fn attach(world: &World, script: &str, last_seq: u64) -> RunnerOrder {
    let mut start = world.start(script);
    start.epoch = 2;
    RunnerOrder::Attach { start: Box::new(start), last_seq }
}

/// Service R2, R4: whatever the server had when it died, the next one gets exactly the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_takes_up_a_live_run() {
    let script = "say one\nsay two\nwait-file gate\nsay three\nask Go on? | yes\ndone {answer}";
    for forget in 0..3 {
        let world = World::new();
        let (service, memory) = world.service();
        begin(&service, world.start(script));
        memory.said("two").await;
        service.shutdown().await;
        drop(service);
        let mut had = memory.items();
        assert_gapless(&had, 1);
        // A server that died before the last reports were durable has fewer of them.
        had.truncate(had.len() - forget);
        let (service, memory) = world.service();
        service.order(attach(&world, script, had.len() as u64));
        memory.until(|reports| reports.iter().find(|report| matches!(report, RunReport::Started { .. })).map(drop)).await;
        world.open_gate();
        let request_id = memory
            .item(|body| match body {
                OutputBody::Question(question) => Some(question.request_id.clone()),
                _ => None,
            })
            .await;
        service.order(RunnerOrder::Answer { run: run(), request_id, answer: Answer::Text("sure".to_owned()) });
        let (outcome, _) = memory.finished().await;
        assert_eq!(outcome, RunOutcome::Succeeded { summary: "sure".to_owned() });
        let after = memory.items();
        if forget == 0 {
            assert_gapless(&after, had.len() as u64 + 1);
            let said = had.iter().chain(&after).filter_map(|item| match &item.body {
                OutputBody::Text { text } => Some(text.as_str()),
                _ => None,
            });
            assert_eq!(said.collect::<Vec<_>>(), ["one", "two", "three"]);
        }
        service.shutdown().await;
    }
}

/// Service R2, R7: a run that ended while nobody looked is drained and finished, as often as it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ended_meanwhile_is_finished() {
    let script = "say one\nwait-file gate\nsay two\ndone late";
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start(script));
    memory.said("one").await;
    service.shutdown().await;
    let had = memory.items().len() as u64;
    world.open_gate();
    while !world.home().join("runs/swift-fox.1/exit.json").exists() {
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        let (service, memory) = world.service();
        service.order(attach(&world, script, had));
        let (outcome, exit_code) = memory.finished().await;
        assert_eq!((outcome, exit_code), (RunOutcome::Succeeded { summary: "late".to_owned() }, Some(0)));
        service.shutdown().await;
    }
}

/// Service R2: a shim that was killed leaves a lost run; nothing of it lives on.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_shim_is_a_lost_run() {
    let world = World::new();
    let (service, memory) = world.service();
    begin(&service, world.start("say here\nhang"));
    memory.said("here").await;
    let pid = memory
        .until(|reports| {
            reports.iter().find_map(|report| match report {
                RunReport::Started { pid } => Some(*pid),
                _ => None,
            })
        })
        .await;
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    let (outcome, _) = memory.finished().await;
    assert!(matches!(outcome, RunOutcome::Failed { class: FailureClass::Lost, .. }), "{outcome:?}");
    assert!(nobody_in(&world.directory()));
    service.shutdown().await;
}

/// Service R2: a shim that was killed while it started had done nothing yet, so it is launched anew; that is no fault of the program.
#[tokio::test(flavor = "multi_thread")]
async fn a_shim_killed_at_its_start_is_launched_anew() {
    let world = World::new();
    let (program, mark) = (world.folder.path().join("shim.sh"), world.folder.path().join("died"));
    let real = env!("CARGO_BIN_EXE_aq-shim");
    let script =
        format!("#!/bin/sh\n[ \"$1\" != __shim ] || [ -e {0} ] || {{ : >{0}; kill -KILL $$; }}\nexec {real} \"$@\"\n", mark.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (service, memory) = world.service_with(&program);
    begin(&service, world.start("say here"));
    let (outcome, _) = memory.finished().await;
    assert!(matches!(outcome, RunOutcome::Succeeded { .. }), "{outcome:?}");
    assert!(mark.exists());
    assert_gapless(&memory.items(), 1);
    service.shutdown().await;
}

/// Service R14: a sweep ends what is not open, and leaves the rest alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_leftovers() {
    for keep in [true, false] {
        let world = World::new();
        let (service, memory) = world.service();
        begin(&service, world.start("say here\nhang"));
        memory.said("here").await;
        service.shutdown().await;
        let (service, memory) = world.service();
        let open = if keep { vec![run()] } else { Vec::new() };
        service.order(RunnerOrder::Sweep { open });
        let folder = world.home().join("runs/swift-fox.1");
        if keep {
            service.order(attach(&world, "", 1));
            memory.until(|reports| reports.iter().find(|report| matches!(report, RunReport::Started { .. })).map(drop)).await;
            service.order(RunnerOrder::Stop { run: run(), reason: StopReason::Fenced });
            memory.finished().await;
        } else {
            while folder.exists() {
                tokio::task::yield_now().await;
            }
        }
        assert!(nobody_in(&world.directory()));
        service.shutdown().await;
    }
}

/// Scripted R4, service R15: a session that was stopped goes on in the next run of the task.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_resumed() {
    let world = World::new();
    let (service, memory) = world.service();
    let script = "say one\nwait-file gate\nsay two";
    begin(&service, world.start(script));
    memory.said("one").await;
    service.order(RunnerOrder::Stop { run: run(), reason: StopReason::Limit });
    memory.finished().await;
    let mut start = world.start(script);
    start.run.number = 2;
    let aq_core::runner_link::SessionOrder::Fresh { session_id } = start.session else { panic!() };
    start.session = aq_core::runner_link::SessionOrder::Resume { session_id };
    world.open_gate();
    service.shutdown().await;
    let (service, memory) = world.service();
    begin(&service, start);
    let (outcome, _) = memory.finished().await;
    assert_eq!(outcome, RunOutcome::Succeeded { summary: "two".to_owned() });
    assert!(!memory.items().iter().any(|item| item.body == OutputBody::Text { text: "one".to_owned() }));
    service.shutdown().await;
}

/// Service R4: servers that come and go all the time lose and double nothing.
#[tokio::test(flavor = "multi_thread")]
async fn many_servers_see_one_stream() {
    let script: String = (0..60).map(|number| format!("say {number}\nsleep {}\n", number % 7)).collect();
    let world = World::new();
    let mut all: Vec<aq_core::output::OutputItem> = Vec::new();
    let mut servers = 0;
    loop {
        let (service, memory) = world.service();
        match servers {
            0 => begin(&service, world.start(&script)),
            _ => service.order(attach(&world, &script, all.len() as u64)),
        }
        let wanted = 1 + servers % 5;
        if servers % 2 == 1 {
            memory.deaf_after.store(1 + wanted, std::sync::atomic::Ordering::Relaxed);
        }
        let over = memory
            .until(|reports| {
                let over = reports.iter().any(|report| matches!(report, RunReport::Finished { .. }));
                let items: usize =
                    reports.iter().map(|report| if let RunReport::Output { items } = report { items.len() } else { 0 }).sum();
                let deaf = servers % 2 == 1 && reports.len() > 1 + wanted;
                (over || deaf || items >= wanted).then_some(over)
            })
            .await;
        service.shutdown().await;
        all.extend(memory.items());
        assert_gapless(&all, 1);
        servers += 1;
        if over {
            break;
        }
    }
    let said = all.iter().filter_map(|item| if let OutputBody::Text { text } = &item.body { text.parse::<u32>().ok() } else { None });
    assert_eq!(said.collect::<Vec<_>>(), (0..60).collect::<Vec<_>>());
    assert!(servers > 5, "{servers} servers");
}

/// Service R2, store R20: a run that started elsewhere is lost, whether it said something or not; it is never begun a second time under its number.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_home_is_lost() {
    for had in [0, 3] {
        let world = World::new();
        let (service, memory) = world.service();
        service.order(attach(&world, "say twice", had));
        let (outcome, _) = memory.finished().await;
        assert!(matches!(outcome, RunOutcome::Failed { class: FailureClass::Lost, .. }), "{had}: {outcome:?}");
        assert_eq!(memory.count(|report| matches!(report, RunReport::Started { .. })), 0, "{had}");
        service.shutdown().await;
    }
}

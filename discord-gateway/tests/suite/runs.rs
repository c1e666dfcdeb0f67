//! One thread for each run, notices, and that each is there once whatever breaks.

use aq_proto::v1 as pb;

use crate::fake::{Fault, call, text};
use crate::world::{APP, MAIN, World};

/// F-215, F-216: card, thread, streamed work with folded tools, log, completion as an answer to the card.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_a_card_and_a_thread() {
    let world = World::start().await;
    let script = "say Looking at @everyone.\ntool Read src/main.rs\ntool Bash cargo test\nwrite new.txt hello\nusage 900 120\nsay All is well.\ncommit add a file\ndone Added new.txt.";
    let task = world.task("Add a file", script).await;
    let notice = world.fake.wait("the notice", |fake| fake.find(APP, "Task Completed")).await;
    let card = world.fake.wait("the card", |fake| fake.find(APP, &task).filter(|card| card.to_string().contains("COMPLETED"))).await;
    assert_eq!(notice["message_reference"]["message_id"], card["id"]);
    let told = text(&notice);
    assert!(told.contains("Added new.txt.") && told.contains("new.txt") && told.contains("1,020"), "{told}");
    let (thread, name) = world.fake.threads().into_iter().next().unwrap();
    assert_eq!(name, "Add a file");
    world.fake.wait("the log", |fake| fake.files().into_iter().find(|(_, name, _)| name == &format!("{task}-run-1.log"))).await;
    let work: String = world.fake.messages(thread).iter().map(text).collect();
    assert!(work.contains("Looking at @\u{200b}everyone.") && work.contains("🔧") && work.contains("All is well."), "{work}");
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// D-96: the first failure is told as the first of its tries; the last one says how many there were.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_counts_its_try() {
    let world = World::start().await;
    world.task_with("Breaks", "fail it is broken", |task| task.max_retries = Some(2)).await;
    let failed = world.fake.wait("the first failure", |fake| fake.find(APP, "Task Failed: Breaks")).await;
    assert!(text(&failed).contains("Tries: 1 of 2 failed"), "{}", text(&failed));
    let blocked = world.fake.wait("the last failure", |fake| fake.find(APP, "Task Blocked: Breaks")).await;
    assert!(text(&blocked).contains("All 2 tries failed."), "{}", text(&blocked));
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-217, F-227: a flood stays within Discord's limits, and its end is seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_stays_within_limits() {
    let world = World::start().await;
    world.task("Shout", "flood 400000\nsay The end of it.\ndone Shouted.").await;
    world.fake.wait("the notice", |fake| fake.find(APP, "Task Completed")).await;
    let (thread, _) = world.fake.threads().into_iter().next().unwrap();
    world.fake.wait("the end", |fake| fake.find(thread, "The end of it.")).await;
    world.fake.wait("the log", |fake| fake.files().into_iter().next()).await;
    assert!(world.fake.messages(thread).len() < 60, "{}", world.fake.messages(thread).len());
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// F-235, F-236, D-117: lost answers, dead connections, 500s, a cut gateway, a killed gateway and a killed server: every notice is there once, in
/// order.
#[tokio::test(flavor = "multi_thread")]
async fn every_notice_is_there_once() {
    let mut world = World::start().await;
    let mut tasks = Vec::new();
    for round in 0..6 {
        let what = ["/channels/101/messages", "threads", "/channels/"][round % 3];
        match round {
            0 => world.fake.fault(what, Fault::Lost, 2),
            1 => world.fake.fault(what, Fault::Status(500), 2),
            2 => world.fake.fault(what, Fault::Drop, 3),
            3 => world.fake.forget_nonces(),
            _ => world.fake.fault("/channels/101/messages", Fault::Lost, 1),
        }
        let title = format!("Round {round}");
        let wait = world.path(&format!("go-{round}"));
        let script = format!("say Working on {round}.\nwait-file {}\nsay Finished {round}.\ndone Round {round} is over.", wait.display());
        tasks.push(world.task(&title, &script).await);
        // The next crash comes while the run is under way.
        world.fake.wait("the card", |fake| fake.find(APP, &title)).await;
        match round {
            2 => world.fake.cut(),
            3 | 5 => {
                world.kill_gateway();
                std::fs::write(&wait, "").unwrap();
                world.start_gateway().await;
            }
            4 => world.restart_server().await,
            _ => {}
        }
        std::fs::write(&wait, "").unwrap();
        world.fake.wait("the notice", |fake| fake.find(APP, &format!("Task Completed: {title}"))).await;
    }
    for (round, _) in tasks.iter().enumerate() {
        assert_eq!(world.fake.count(APP, &format!("Task Completed: Round {round}")), 1, "{:#?}", world.fake.texts());
        // Cards are edited beside the notices, one a second.
        let done = format!("🟢 Round {round}");
        world.fake.wait("the card that is done", |fake| (fake.count(APP, &done) == 1).then_some(())).await;
    }
    assert_eq!(world.fake.threads().len(), tasks.len());
    for (thread, name) in world.fake.threads() {
        let round = name.trim_start_matches("Round ").to_owned();
        world.fake.wait("the log", |fake| fake.find(thread, "The whole log")).await;
        assert_eq!(world.fake.count(thread, &format!("Finished {round}.")), 1, "{name}: {:#?}", world.fake.texts());
        assert_eq!(world.fake.count(thread, "The whole log"), 1);
    }
}

/// events R10: an agent that cannot work is told once, and none of its tries is told as a failure of its task.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_cannot_work_is_told_once() {
    let world = World::start().await;
    world.task("Waits", "fail auth: no login").await;
    let notice = world.fake.wait("the notice", |fake| fake.find(MAIN, "cannot work")).await;
    assert!(text(&notice).contains("no login") && text(&notice).contains("/agent resume"), "{notice}");
    // What is told behind it is told in order: a failure of the task would stand before.
    world.task("Breaks", "fail invalid_request: the key is wrong").await;
    let agents = world.admin.agents().list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner().agents;
    let resume = pb::ResumeAgentRequest { agent_id: agents[0].id.clone(), ..Default::default() };
    world.admin.agents().resume_agent(resume).await.unwrap();
    world.fake.wait("the next notice", |fake| fake.find(APP, "Task Blocked")).await;
    assert!(!world.fake.texts().iter().any(|text| text.contains("Task Failed")), "{:#?}", world.fake.texts());
}

/// F-236, D-111: the server works without a gateway; what happened meanwhile is told afterwards, once.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_told() {
    let mut world = World::start().await;
    world.kill_gateway();
    let task = world.task_with("Alone", "fail nothing works", |task| task.max_retries = Some(0)).await;
    world.happened(&task, "task.blocked").await;
    assert!(world.fake.messages(APP).is_empty());
    world.start_gateway().await;
    world.fake.wait("the notice", |fake| fake.find(APP, "Task Blocked")).await;
    world.kill_gateway();
    world.start_gateway().await;
    let after = world.task("After", "done Fine.").await;
    world.fake.wait("the next notice", |fake| fake.find(APP, "Task Completed")).await;
    assert_eq!(world.fake.count(APP, "Task Blocked"), 1);
    assert_ne!(task, after);
    // Whoever deletes a card or a thread breaks nothing.
    let (status, _) = call(&world.fake, "DELETE", "/channels/101/messages/1", crate::fake::TOKEN, None).await;
    assert_eq!(status, 404);
}

/// F-235, events R3: a notice that was posted before a crash is found again behind more than a hundred messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_found_behind_many_messages() {
    let mut world = World::start().await;
    world.fake.forget_nonces();
    let gate = world.path("go");
    world.task("First", &format!("wait-file {}\ndone Over.", gate.display())).await;
    world.fake.wait("the card", |fake| fake.threads().into_iter().next()).await;
    // The notice is posted, but the gateway never hears of it, and dies.
    world.fake.fault("POST /channels/101/messages", Fault::Lost, 1);
    world.fake.fault("POST /channels/101/messages", Fault::Drop, 10_000);
    std::fs::write(&gate, "").unwrap();
    world.fake.wait("the notice", |fake| fake.find(APP, "Task Completed")).await;
    world.kill_gateway();
    for _ in 0..250 {
        world.fake.say(crate::world::STRANGER, APP, "chatter");
    }
    world.fake.mend();
    world.start_gateway().await;
    world.task("Second", "done Over.").await;
    world.fake.wait("the next notice", |fake| fake.find(APP, "Task Completed: Second")).await;
    assert_eq!(world.fake.count(APP, "Task Completed: First"), 1);
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

/// Runs R3: what an edit could not show is shown before the next page begins, and what is owed at the end is written then.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_page_is_dropped() {
    let world = World::start().await;
    let (one, two, three) = (world.path("one"), world.path("two"), world.path("three"));
    let script = format!(
        "say Alpha.\nwait-file {}\nsay Beta.\nwait-file {}\nsay Gamma {}\nwait-file {}\nsay Omega.\ndone Over.",
        one.display(),
        two.display(),
        "x".repeat(1900),
        three.display()
    );
    world.task("Pages", &script).await;
    let thread = world.fake.wait("the thread", |fake| fake.threads().first().map(|(id, _)| *id)).await;
    world.fake.wait("the first words", |fake| fake.find(thread, "Alpha.")).await;
    let edits = format!("PATCH /channels/{thread}");
    let refused =
        |fake: &crate::fake::Fake| fake.requests().iter().filter(|line| line.starts_with(&edits) && line.ends_with("500")).count();
    world.fake.fault(&edits, Fault::Status(500), 5);
    std::fs::write(&one, "").unwrap();
    world.fake.wait("five refusals", |fake| (refused(fake) == 5).then_some(())).await;
    std::fs::write(&two, "").unwrap();
    world.fake.wait("the next page", |fake| fake.find(thread, "Gamma")).await;
    let first = world.fake.find(thread, "Alpha.").unwrap();
    assert!(text(&first).contains("Beta."), "{first:#}");
    world.fake.fault(&edits, Fault::Status(500), 5);
    std::fs::write(&three, "").unwrap();
    world.fake.wait("the log", |fake| fake.find(thread, "The whole log")).await;
    assert!(world.fake.find(thread, "Omega.").is_some());
    assert_eq!(world.fake.violations(), Vec::<String>::new());
}

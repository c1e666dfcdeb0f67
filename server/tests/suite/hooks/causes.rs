//! What starts hooks: due times, events, people; what does not; and what a restart changes about it.

use aq_core::hook::{Action, Hook, Missed, RunCause, RunState, Trigger};
use aq_core::task::TaskOrigin;
use aq_server::commands::{self, CommandError};
use aq_server::store::tasks;
use std::sync::Arc;

use super::world::{Outside, add, draft, engine, fire, ledger, stored};
use crate::harness::Harness;

fn every(seconds: u64) -> Trigger {
    Trigger::Periodic { every_ms: seconds * 1000 }
}

fn on(event: &str) -> Trigger {
    Trigger::Event { events: vec![event.into()], conditions: Vec::new(), with_hook_tasks: false }
}

/// F-137, D-65: first after one interval, then every interval, also over a restart of the engine; each run is a complete row (F-146).
#[tokio::test]
async fn a_periodic_hook_goes_on_over_a_restart() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    add(&server, draft(&project, "hk-1", every(60), &server)).await;
    let mut hooks = engine(&server, &outside).await;
    hooks.settle().await.unwrap();
    assert!(ledger(&server, "hk-1").await.is_empty(), "not at once");
    server.clock.advance(60_000);
    hooks.settle().await.unwrap();
    drop(hooks);
    server.clock.advance(30_000);
    let mut hooks = engine(&server, &outside).await;
    hooks.settle().await.unwrap();
    assert_eq!(ledger(&server, "hk-1").await.len(), 1, "the interval goes on where it was");
    server.clock.advance(30_000);
    hooks.settle().await.unwrap();
    let runs = ledger(&server, "hk-1").await;
    assert_eq!(runs.len(), 2);
    for run in &runs {
        assert_eq!(
            (run.state, run.cause, run.reason.as_str(), run.note.as_str()),
            (RunState::Completed, RunCause::Schedule, "periodic", "")
        );
        assert!(run.started_at.is_some() && run.ended_at.is_some() && run.actions.len() == 1);
    }
    assert_eq!(runs[1].scheduled_at.unwrap().millis_since(runs[0].scheduled_at.unwrap()), 60_000);
}

/// F-138, F-144, F-145 without a model: an event of the project starts the hook with its payload, and a task comes of it; its own acts and its tasks start
/// nothing again (hook R6).
#[tokio::test]
async fn an_event_starts_a_hook_and_makes_a_task() {
    let server = Harness::start().await;
    let (project, other, outside) = (server.project("App", 1).await, server.project("Other", 1).await, Arc::new(Outside::default()));
    let action = Action::CreateTask {
        title: "Look at {{event.task_id}}:\n{{event.title}}".into(),
        description: String::new(),
        priority: 7,
        requires_approval: false,
    };
    add(&server, Hook { actions: vec![action], ..draft(&project, "hk-1", on("task_created"), &server) }).await;
    let mut hooks = engine(&server, &outside).await;
    let task = server.task(&project, "Fix login", &[]).await;
    server.task(&other, "Elsewhere", &[]).await;
    hooks.settle().await.unwrap();
    let runs = ledger(&server, "hk-1").await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!((runs[0].reason.as_str(), runs[0].state), ("event:task.created", RunState::Completed));
    assert_eq!(runs[0].event.as_ref().unwrap()["task_id"], task.as_str());
    let made = runs[0].actions[0]["task_id"].as_str().unwrap().to_owned();
    let made = server.get(&aq_core::ids::TaskId::parse(&made).unwrap()).await;
    assert_eq!((made.title.as_str(), made.priority, made.origin), (format!("Look at {task}: Fix login").as_str(), 7, TaskOrigin::Hook));
    hooks.settle().await.unwrap();
    assert_eq!(ledger(&server, "hk-1").await.len(), 1, "no circle");
}

/// Hooks R13: the task that a hook made starts at once on an agent that is idle; nobody has to come by.
#[tokio::test]
async fn a_task_of_a_hook_starts_at_once() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    let action = Action::CreateTask { title: "Tidy up".into(), description: String::new(), priority: 100, requires_approval: false };
    add(&server, Hook { actions: vec![action], ..draft(&project, "hk-1", every(60), &server) }).await;
    server.agents(1).await;
    server.quiet().await;
    let mut hooks = engine(&server, &outside).await;
    server.clock.advance(60_000);
    hooks.settle().await.unwrap();
    assert_eq!(server.start_order().await.run.number, 1);
}

/// Hooks R3: events that come while no engine runs are read by the next one; events before the hook was made or changed are not.
#[tokio::test]
async fn events_wait_for_the_next_engine() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    server.task(&project, "before", &[]).await;
    let mut first = engine(&server, &outside).await;
    server.clock.advance(1000);
    add(&server, draft(&project, "hk-1", on("task.created"), &server)).await;
    first.settle().await.unwrap();
    assert!(ledger(&server, "hk-1").await.is_empty());
    drop(first);
    for title in ["one", "two", "three"] {
        server.task(&project, title, &[]).await;
    }
    let mut next = engine(&server, &outside).await;
    next.settle().await.unwrap();
    let titles: Vec<_> = ledger(&server, "hk-1").await.iter().map(|run| run.event.as_ref().unwrap()["title"].clone()).collect();
    assert_eq!(titles, ["one", "two", "three"]);
    drop(next);
    let mut again = engine(&server, &outside).await;
    again.settle().await.unwrap();
    assert_eq!(ledger(&server, "hk-1").await.len(), 3, "nothing twice");
}

/// F-140: the cooldown holds events off; what a person fires goes past it and past the enabled flag, but not past a run (F-139).
#[tokio::test]
async fn cooldown_and_hand() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    add(&server, Hook { cooldown_ms: 60_000, ..draft(&project, "hk-1", on("task.created"), &server) }).await;
    let mut hooks = engine(&server, &outside).await;
    for title in ["one", "two"] {
        server.task(&project, title, &[]).await;
    }
    hooks.settle().await.unwrap();
    assert_eq!(ledger(&server, "hk-1").await.len(), 1);
    server.clock.advance(1000);
    server.command(|tx, context| commands::hooks::set_enabled(tx, context, "hk-1", false)).await.unwrap();
    let fired = fire(&server, "hk-1", "hr-hand", None).await.unwrap();
    assert_eq!((fired.id.as_str(), fired.cause, fired.state), ("hr-hand", RunCause::Manual, RunState::Queued));
    let refused = fire(&server, "hk-1", "hr-2", None).await.unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "HOOK_RUNNING", .. }), "{refused}");
    hooks.settle().await.unwrap();
    server.clock.advance(1000);
    fire(&server, "hk-1", "hr-3", Some(serde_json::json!({ "ref": "main" }))).await.unwrap();
    hooks.settle().await.unwrap();
    let runs = ledger(&server, "hk-1").await;
    assert_eq!(runs.iter().map(|run| run.cause).collect::<Vec<_>>(), [RunCause::Event, RunCause::Manual, RunCause::Webhook]);
    assert_eq!(runs[2].event.as_ref().unwrap()["ref"], "main");
}

/// Hooks R4, hook R4, D-62: a paused project starts nothing; when it goes on, its due times are missed ones.
#[tokio::test]
async fn a_paused_project_misses_its_times() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    for (id, missed) in [("hk-skip", Missed::Skip), ("hk-once", Missed::Once), ("hk-all", Missed::All)] {
        add(&server, Hook { missed, ..draft(&project, id, every(600), &server) }).await;
    }
    add(&server, draft(&project, "hk-on", on("task.created"), &server)).await;
    let mut hooks = engine(&server, &outside).await;
    let id = project.clone();
    server.command(move |tx, context| commands::projects::set_paused(tx, context, &id, true)).await.unwrap();
    server.task(&project, "while paused", &[]).await;
    server.clock.advance(3 * 600_000 + 300_000);
    hooks.settle().await.unwrap();
    for id in ["hk-skip", "hk-once", "hk-all", "hk-on"] {
        assert!(ledger(&server, id).await.is_empty(), "{id}");
    }
    let id = project.clone();
    server.command(move |tx, context| commands::projects::set_paused(tx, context, &id, false)).await.unwrap();
    hooks.settle().await.unwrap();
    let mut counts = Vec::new();
    for id in ["hk-skip", "hk-once", "hk-all", "hk-on"] {
        counts.push(ledger(&server, id).await.len());
    }
    assert_eq!(counts, [0, 1, 3, 0]);
    server.clock.advance(300_000);
    hooks.settle().await.unwrap();
    assert_eq!(ledger(&server, "hk-skip").await.len(), 1, "it goes on at its next time");
}

/// F-147, D-63: a hook whose row is broken, and one that cannot be written, stop no other.
#[tokio::test]
async fn a_broken_hook_stops_no_other() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    for id in ["hk-1", "hk-2", "hk-3"] {
        add(&server, draft(&project, id, every(60), &server)).await;
    }
    let break_them = "UPDATE hooks SET trigger_json = '{' WHERE id = 'hk-1'; CREATE TRIGGER no BEFORE INSERT ON hook_runs WHEN NEW.hook_id = 'hk-2' \
                      BEGIN SELECT RAISE(ABORT, 'refused by the test'); END";
    server.engine.submit(move |tx| tx.db.batch(break_them)).await.unwrap();
    let mut hooks = engine(&server, &outside).await;
    server.clock.advance(60_000);
    hooks.settle().await.unwrap();
    assert_eq!(ledger(&server, "hk-3").await.len(), 1);
    server.engine.submit(|tx| tx.db.batch("DROP TRIGGER no")).await.unwrap();
    assert!(ledger(&server, "hk-2").await.is_empty());
    hooks.settle().await.unwrap();
    assert_eq!(ledger(&server, "hk-2").await.len(), 1, "what could not be written is due still");
}

/// F-031, F-061, D-64: names are the project's own; a deleted project takes its hooks along.
#[tokio::test]
async fn hooks_belong_to_their_project() {
    let server = Harness::start().await;
    let (one, two) = (server.project("One", 0).await, server.project("Two", 0).await);
    let named = |project, id: &str| Hook { name: "Same".into(), ..draft(project, id, every(60), &server) };
    add(&server, named(&one, "hk-1")).await;
    add(&server, named(&two, "hk-2")).await;
    let again = named(&one, "hk-3");
    let taken = server.command(move |tx, context| commands::hooks::create(tx, context, &super::world::rules(), &again)).await.unwrap_err();
    assert!(matches!(taken, CommandError::Exists { kind: "hook", .. }), "{taken}");
    server.command(move |tx, context| commands::projects::delete(tx, context, &one)).await.unwrap();
    assert!(server.reader.read(|db| aq_server::store::hooks::by_id(db, "hk-1")).await.unwrap().is_none());
    assert_eq!(stored(&server, "hk-2").await.name, "Same");
    let none = server.reader.read(|db| tasks::in_status(db, aq_core::task::TaskStatus::Ready)).await.unwrap();
    assert!(none.is_empty());
}

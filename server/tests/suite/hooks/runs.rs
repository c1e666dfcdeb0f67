//! What a run does: acts, authority, short-circuits, a model with caps and limits, room, and the end of a server in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aq_core::event::EventKind;
use aq_core::hook::{Action, ContextStep, Hook, RunState, Severity, Step, Trigger};
use aq_core::principal::{ProjectScope, Role};
use aq_server::commands;
use aq_server::hooks::{HookEngine, ModelAnswer, ProgramEnd};
use aq_server::store::{api_keys, events, new_key};
use serde_json::json;

use super::world::{Outside, add, draft, engine, fire, ledger, parts, rules};
use crate::harness::Harness;

fn shell(skip_if_exit_zero: bool) -> ContextStep {
    let step = Step::Shell { argv: vec!["make".into(), "test".into()], timeout_ms: 5_000 };
    ContextStep { step, skip_if_exit_zero, skip_if_empty: false, skip_if_status_ok: false }
}

fn ask(prompt: &str) -> Action {
    Action::AskModel { prompt: prompt.into(), provider: String::new(), model: String::new(), timeout_ms: 1_000 }
}

/// F-141, F-143, F-145: the program passes, so nobody is asked and nothing is spent; it fails, so the model is asked with its output and its tokens counted.
#[tokio::test]
async fn a_model_is_asked_only_when_there_is_something_to_do() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    *outside.end.lock().unwrap() = ProgramEnd { exit_code: Some(0), stdout: "ok".into(), ..ProgramEnd::default() };
    let tools = vec![json!({ "name": "CreateTask" })];
    *outside.answer.lock().unwrap() = Some(Ok(ModelAnswer { text: "made a task".into(), tokens: 900, tools }));
    let hook = Hook {
        steps: vec![shell(true)],
        actions: vec![ask("Fix: {{step_0}} ({{step_0.exit_code}})")],
        max_tokens_per_run: Some(1000),
        max_tokens_per_day: Some(900),
        ..draft(&project, "hk-1", Trigger::Manual, &server)
    };
    add(&server, hook).await;
    let mut hooks = engine(&server, &outside).await;
    fire(&server, "hk-1", "hr-1", None).await.unwrap();
    hooks.settle().await.unwrap();
    assert_eq!(outside.asked.load(Ordering::SeqCst), 0);
    server.clock.advance(1000);
    *outside.end.lock().unwrap() = ProgramEnd { exit_code: Some(2), stdout: "boom".into(), ..ProgramEnd::default() };
    fire(&server, "hk-1", "hr-2", None).await.unwrap();
    hooks.settle().await.unwrap();
    server.clock.advance(1000);
    fire(&server, "hk-1", "hr-3", None).await.unwrap();
    hooks.settle().await.unwrap();
    let runs = ledger(&server, "hk-1").await;
    let told: Vec<_> = runs.iter().map(|run| (run.state, run.tokens, run.note.as_str())).collect();
    assert_eq!(told[0], (RunState::Skipped, 0, "step_0: exit code 0 (skip_llm_if_exit_zero)"));
    assert_eq!(told[1], (RunState::Completed, 900, ""));
    assert_eq!(told[2].0, RunState::Skipped);
    assert!(told[2].2.contains("max_tokens_per_day"), "{}", told[2].2);
    assert_eq!((runs[1].prompt.as_str(), runs[1].response.as_str()), ("Fix: boom (2)", "made a task"));
    assert_eq!(runs[1].actions[0]["tools"][0]["name"], "CreateTask", "D-68: the tools are listed");
    assert_eq!(outside.asked.load(Ordering::SeqCst), 1);
    let asks = outside.asks.lock().unwrap();
    assert_eq!((asks[0].max_tokens, asks[0].name.as_str()), (Some(1000), "hook:hk-1"));
    assert_eq!(asks[0].caller.projects, ProjectScope::Only(std::iter::once(project.clone()).collect()), "the hook's project only");
    let program = &outside.programs.lock().unwrap()[0];
    assert_eq!((program.argv.as_slice(), program.timeout_ms), (&["make".to_owned(), "test".to_owned()][..], 5_000));
    assert!(program.directory.as_ref().unwrap().ends_with("app-0"), "D-67: the project's directory");
}

/// D-66, F-145: a model that never answers, one that fails and one that spends too much fail the run, with what was spent.
#[tokio::test(start_paused = true)]
async fn a_model_is_bounded() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    let hook = Hook { actions: vec![ask("x")], max_tokens_per_run: Some(10), ..draft(&project, "hk-1", Trigger::Manual, &server) };
    add(&server, hook).await;
    let mut hooks = engine(&server, &outside).await;
    let answers = [
        (None, 0, "did not answer within 1 s"),
        (Some(Err(("overloaded".to_owned(), 4))), 4, "overloaded"),
        (Some(Ok(ModelAnswer { tokens: 11, ..ModelAnswer::default() })), 11, "max_tokens_per_run"),
    ];
    for (number, (answer, tokens, why)) in answers.into_iter().enumerate() {
        *outside.answer.lock().unwrap() = answer;
        fire(&server, "hk-1", &format!("hr-{number}"), None).await.unwrap();
        hooks.settle().await.unwrap();
        let run = ledger(&server, "hk-1").await.into_iter().find(|run| run.id == format!("hr-{number}")).unwrap();
        assert_eq!((run.state, run.tokens), (RunState::Failed, tokens), "{why}");
        assert!(run.note.contains(why), "{}", run.note);
    }
}

/// Hooks R12, R13: notices and calls without a model; the first act that fails ends the run; calls are named so that they have one effect.
#[tokio::test]
async fn acts_are_done_in_order_until_one_fails() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    let command = |name: &str| Action::Command { name: name.into(), arguments: json!({ "task_id": "{{event.id}}", "n": 1 }) };
    let notice = Action::Notice { text: "look: {{event.id}}".into(), severity: Severity::Warning };
    let hook = Hook {
        actions: vec![notice.clone(), command("StopTask"), command("Refused"), notice],
        ..draft(&project, "hk-1", Trigger::Manual, &server)
    };
    add(&server, hook).await;
    let mut hooks = engine(&server, &outside).await;
    fire(&server, "hk-1", "hr-1", Some(json!({ "id": "a-b\", \"x\": \"y" }))).await.unwrap();
    hooks.settle().await.unwrap();
    let run = &ledger(&server, "hk-1").await[0];
    assert_eq!((run.state, run.actions.len(), run.tokens), (RunState::Failed, 3, 0));
    assert_eq!(run.note, "action 2 (command): not now");
    let calls = outside.calls.lock().unwrap().clone();
    let expected = json!({ "task_id": "a-b\", \"x\": \"y", "n": 1, "request_id": "hr-1-1" });
    assert_eq!((calls[0].0.as_str(), &calls[0].1), ("StopTask", &expected), "what is filled in changes no shape");
    assert_eq!(calls[0].2, "hook:hk-1 via local");
    let told = server.reader.read(|db| events::after(db, 0, 1000)).await.unwrap();
    let notices: Vec<_> = told.iter().filter(|event| event.kind == EventKind::HookNotice).collect();
    assert_eq!(notices.len(), 1);
    assert_eq!((&notices[0].payload["severity"], &notices[0].payload["hook_id"]), (&json!("warning"), &json!("hk-1")));
}

/// Hooks R12: a hook acts with the key of its owner as it is now.
#[tokio::test]
async fn a_revoked_key_acts_no_more() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    let made = new_key(Role::Admin, ProjectScope::All, "me", server.admin().now, None);
    let record = made.record.clone();
    server.engine.submit(move |tx| api_keys::insert(tx.db, &record)).await.unwrap();
    let context = commands::Context::new(made.record.principal(), server.admin().now);
    let hook = draft(&project, "hk-1", Trigger::Manual, &server);
    server.engine.submit(move |tx| commands::hooks::create(tx, &context, &rules(), &hook)).await.unwrap();
    let mut hooks = engine(&server, &outside).await;
    fire(&server, "hk-1", "hr-1", None).await.unwrap();
    hooks.settle().await.unwrap();
    let (kid, now) = (made.record.kid.clone(), server.admin().now);
    server.engine.submit(move |tx| api_keys::revoke(tx.db, &kid, now)).await.unwrap();
    fire(&server, "hk-1", "hr-2", None).await.unwrap();
    hooks.settle().await.unwrap();
    let runs = ledger(&server, "hk-1").await;
    let by_id = |id: &str| runs.iter().find(|run| run.id == id).unwrap();
    assert_eq!((by_id("hr-1").state, by_id("hr-2").state), (RunState::Completed, RunState::Failed));
    assert!(by_id("hr-2").note.contains("does not work any more"), "{}", by_id("hr-2").note);
}

/// F-140, F-146, D-70: two at a time and one per hook; a server that ends in between leaves no run open, and what waits goes on.
#[tokio::test]
async fn room_is_bounded_and_a_restart_closes_what_ran() {
    let server = Harness::start().await;
    let (project, outside) = (server.project("App", 1).await, Arc::new(Outside::default()));
    *outside.gate.lock().unwrap() = Some(Arc::new(tokio::sync::Semaphore::new(0)));
    for id in ["hk-1", "hk-2", "hk-3"] {
        let every = Trigger::Periodic { every_ms: 60_000 };
        add(&server, Hook { steps: vec![shell(false)], ..draft(&project, id, every, &server) }).await;
    }
    let mut hooks = engine(&server, &outside).await;
    server.clock.advance(60_000);
    hooks.tick().await.unwrap();
    server.clock.advance(60_000);
    hooks.tick().await.unwrap();
    let states = async |id: &str| ledger(&server, id).await.iter().map(|run| run.state).collect::<Vec<_>>();
    let mut running = Vec::new();
    for id in ["hk-1", "hk-2", "hk-3"] {
        match states(id).await.as_slice() {
            [RunState::Running, RunState::Queued] => running.push(id),
            other => assert_eq!(other, [RunState::Queued, RunState::Queued], "{id}"),
        }
    }
    assert_eq!(running.len(), 2);
    drop(hooks);
    *outside.gate.lock().unwrap() = None;
    let mut next = HookEngine::new(parts(&server, &outside)).await.unwrap();
    let first = &ledger(&server, running[0]).await[0];
    assert_eq!(first.state, RunState::Failed);
    assert!(first.note.starts_with("interrupted") && first.ended_at.is_some(), "{}", first.note);
    next.settle().await.unwrap();
    for id in ["hk-1", "hk-2", "hk-3"] {
        assert!(!states(id).await.iter().any(|state| matches!(state, RunState::Queued | RunState::Running)), "{id}");
    }
    assert_eq!(states(running[1]).await, [RunState::Failed, RunState::Completed]);
}

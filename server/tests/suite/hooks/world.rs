//! A server with an engine of hooks, whose outside the test plays.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aq_core::hook::{Action, Hook, Missed, Owner, Rules, Severity, Trigger};
use aq_core::ids::ProjectId;
use aq_core::principal::Principal;
use aq_core::runner_link::BoxFuture;
use aq_runner::git::Desk;
use aq_server::clock::Clock;
use aq_server::commands::{self, CommandError, Context};
use aq_server::hooks::{Commands, HookEngine, Model, ModelAnswer, ModelAsk, Parts, ProgramEnd, ProgramOrder, Programs};
use aq_server::store::{HookRunRecord, hook_runs, hooks};
use serde_json::Value;

use crate::harness::Harness;

/// Answers what it is told and counts.
#[derive(Default)]
pub(super) struct Outside {
    /// How often a model was asked.
    pub(super) asked: AtomicUsize,
    pub(super) asks: Mutex<Vec<ModelAsk>>,
    pub(super) answer: Mutex<Option<Result<ModelAnswer, (String, u64)>>>,
    /// Programs that were run.
    pub(super) programs: Mutex<Vec<ProgramOrder>>,
    pub(super) end: Mutex<ProgramEnd>,
    /// Closed while programs must not end.
    pub(super) gate: Mutex<Option<Arc<tokio::sync::Semaphore>>>,
    /// Calls that were made.
    pub(super) calls: Mutex<Vec<(String, Value, String)>>,
}

impl Model for Outside {
    fn ask(&self, ask: ModelAsk) -> BoxFuture<'_, Result<ModelAnswer, (String, u64)>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.asks.lock().unwrap().push(ask);
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

impl Programs for Outside {
    fn run(&self, order: ProgramOrder) -> BoxFuture<'_, Result<ProgramEnd, String>> {
        self.programs.lock().unwrap().push(order);
        let (end, gate) = (self.end.lock().unwrap().clone(), self.gate.lock().unwrap().clone());
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            Ok(end)
        })
    }

    fn clear(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Commands for Outside {
    fn call(&self, caller: Principal, name: String, arguments: Value) -> BoxFuture<'_, Result<Value, String>> {
        self.calls.lock().unwrap().push((name.clone(), arguments, caller.actor()));
        Box::pin(async move { if name == "Refused" { Err("not now".to_owned()) } else { Ok(serde_json::json!({ "ok": true })) } })
    }
}

/// Everything allowed.
pub(super) fn rules() -> Rules {
    Rules { enabled: true, concurrent: 2, shell: true, private_addresses: true, commands: true, model: true }
}

/// The parts of an engine on this server.
pub(super) fn parts(server: &Harness, outside: &Arc<Outside>) -> Parts {
    Parts {
        engine: server.engine.clone(),
        reader: server.reader.clone(),
        bus: server.bus.clone(),
        clock: Arc::clone(&server.clock) as Arc<dyn Clock>,
        wake: server.wake.clone(),
        git: Arc::new(Desk::new(server.rooms())),
        rules: rules(),
        programs: Some(Arc::clone(outside) as Arc<dyn Programs>),
        commands: Some(Arc::clone(outside) as Arc<dyn Commands>),
        model: Some(Arc::clone(outside) as Arc<dyn Model>),
    }
}

/// An engine.
pub(super) async fn engine(server: &Harness, outside: &Arc<Outside>) -> HookEngine {
    HookEngine::new(parts(server, outside)).await.unwrap()
}

/// A hook that tells people what it saw.
pub(super) fn draft(project: &ProjectId, id: &str, trigger: Trigger, server: &Harness) -> Hook {
    let now = server.clock.now();
    Hook {
        id: id.into(),
        project: project.clone(),
        name: id.into(),
        enabled: true,
        cooldown_ms: 0,
        trigger,
        steps: Vec::new(),
        actions: vec![Action::Notice { text: "saw {{event}}".into(), severity: Severity::Info }],
        missed: Missed::Skip,
        max_tokens_per_run: None,
        max_tokens_per_day: None,
        owner: Owner { key_id: "local".into(), person: None },
        created_at: now,
        updated_at: now,
        next_due: None,
        last_fired: None,
    }
}

/// Makes a hook as the administrator.
pub(super) async fn add(server: &Harness, hook: Hook) -> Hook {
    server.command(move |tx, context| commands::hooks::create(tx, context, &rules(), &hook)).await.unwrap()
}

/// Fires a hook by hand.
pub(super) async fn fire(server: &Harness, id: &str, run: &str, payload: Option<Value>) -> Result<HookRunRecord, CommandError> {
    let (id, run) = (id.to_owned(), run.to_owned());
    let context = Context::new(Principal::server(), server.clock.now());
    server.engine.submit(move |tx| commands::hooks::fire(tx, &context, &rules(), &id, &run, payload.clone())).await
}

/// The runs of a hook in the order of their causes.
pub(super) async fn ledger(server: &Harness, hook: &str) -> Vec<HookRunRecord> {
    let hook = hook.to_owned();
    let mut runs = server.reader.read(move |db| hook_runs::of_hook(db, &hook, None, 1000)).await.unwrap();
    runs.sort_by_key(|run| (run.created_at, run.scheduled_at, run.event_seq));
    runs
}

/// The hook as it is stored.
pub(super) async fn stored(server: &Harness, hook: &str) -> Hook {
    let hook = hook.to_owned();
    server.reader.read(move |db| hooks::by_id(db, &hook)).await.unwrap().unwrap()
}

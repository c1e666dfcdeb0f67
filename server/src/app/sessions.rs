//! Records of agents' sessions: one line for each run that is over, beside the records of calls, and a copy for its task (F-185).
//!
//! What a run was asked is known only while it is ordered, so the orders are listened to; a run that outlives its server is recorded without.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::event::{EventFilter, EventKind};
use aq_core::ids::{RunRef, TaskId};
use aq_core::run::Run;
use aq_core::runner_link::{RunnerLink, RunnerOrder, StartRun};
use serde_json::{Value, json};

use super::started::Started;
use crate::background::{Background, OnExit};
use crate::chat_models::Recorder;
use crate::clock::SharedClock;
use crate::config::ServerConfig;
use crate::store::{StoreError, runs, tasks};

/// The file of a day.
const FILE: &str = "claude_agent.jsonl";
/// How much of a prompt is shown, in characters.
const PREVIEW: usize = 300;
/// How much of an error is shown, in characters.
const ERROR: usize = 500;

/// What the open runs were asked.
#[derive(Default)]
struct Asked(Mutex<BTreeMap<RunRef, Value>>);

impl Asked {
    fn note(&self, start: &StartRun) {
        let profile = &start.profile;
        let asked = json!({
            "model": if profile.model.is_empty() { "(default)" } else { profile.model.as_str() },
            "input": {
                "prompt_length": start.prompt.chars().count(),
                "prompt": start.prompt.chars().take(PREVIEW).collect::<String>(),
                "allowed_tools": profile.allowed_tools,
                "permission_mode": profile.permission_mode,
            },
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(start.run.clone(), asked);
    }

    fn take(&self, run: &RunRef) -> Value {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run).unwrap_or_else(|| json!({ "model": "(default)", "input": {} }))
    }
}

/// The runner, listened to.
struct Listening {
    inner: Arc<dyn RunnerLink>,
    asked: Arc<Asked>,
}

impl RunnerLink for Listening {
    fn order(&self, order: RunnerOrder) {
        if let RunnerOrder::Start(start) = &order {
            self.asked.note(start);
        }
        self.inner.order(order);
    }
}

/// Writes the records.
pub(super) struct Sessions {
    recorder: Arc<Recorder>,
    asked: Arc<Asked>,
}

/// The way to the runner, and the records where the configuration wants them.
pub(super) fn listen(
    config: &ServerConfig,
    home: &Path,
    clock: &SharedClock,
    inner: Arc<dyn RunnerLink>,
) -> (Arc<dyn RunnerLink>, Option<Sessions>) {
    if !config.llm_logging.enabled {
        return (inner, None);
    }
    match Recorder::new(home, &[], Arc::clone(clock)) {
        Ok(recorder) => {
            let asked = Arc::new(Asked::default());
            let link = Arc::new(Listening { inner, asked: Arc::clone(&asked) });
            (link, Some(Sessions { recorder: Arc::new(recorder), asked }))
        }
        Err(error) => {
            tracing::warn!(%error, "sessions of agents are not recorded");
            (inner, None)
        }
    }
}

/// Records every run that ends from now on.
pub(super) fn spawn(background: &Background, started: &Started, sessions: Option<Sessions>) {
    let Some(sessions) = sessions.map(Arc::new) else { return };
    let (bus, reader) = (started.bus.clone(), started.reader.clone());
    background.spawn("records of sessions", OnExit::Restart, move |shutdown| {
        let (sessions, reader) = (Arc::clone(&sessions), reader.clone());
        let mut feed = bus.feed(reader.clone(), bus.last(), vec![EventFilter::One(EventKind::RunEnded)]);
        async move {
            loop {
                for event in feed.ready().await? {
                    let (Some(task), Some(number)) = (event.task.clone(), event.run) else { continue };
                    let found = reader.read(move |db| {
                        let Some(task) = tasks::by_id(db, &task)? else { return Ok::<_, StoreError>(None) };
                        Ok(runs::of_task(db, task.key)?.into_iter().find(|run| run.run.id.number == number))
                    });
                    if let Some(record) = found.await? {
                        sessions.record(&record.run);
                    }
                }
                tokio::select! {
                    () = feed.changed() => {}
                    () = shutdown.drain().cancelled() => return Ok::<(), StoreError>(()),
                }
            }
        }
    });
}

/// The copy of a task's sessions.
fn of_task(task: &TaskId) -> String {
    format!("tasks/{task}.jsonl")
}

impl Sessions {
    fn record(&self, run: &Run) {
        let record = record(run, self.asked.take(&run.id));
        self.recorder.write(run.started_at, vec![FILE.to_owned(), of_task(&run.id.task)], &record);
    }
}

/// What is told of a run that is over.
fn record(run: &Run, mut asked: Value) -> Value {
    let instant = jiff::Timestamp::from_millisecond(run.started_at.as_millis()).unwrap_or_default();
    let end = run.end.as_ref();
    let error = end.filter(|end| end.class.is_some()).map(|end| end.message.chars().take(ERROR).collect::<String>());
    asked["input"]["cwd"] = json!(run.directory);
    json!({
        "timestamp": instant.to_string(),
        "task_id": run.id.task.as_str(),
        "run": run.id.number,
        "runtime": run.runtime.as_str(),
        "session_id": run.session_id,
        "model": asked["model"],
        "duration_ms": run.ended_at.map(|at| at.millis_since(run.started_at)),
        "input": asked["input"],
        "output": {
            "result": end.map(|end| end.result.as_str()),
            "summary": run.summary,
            "tokens_used": run.tokens.total(),
            "files_changed": run.files_changed,
            "error": error,
        },
    })
}

//! The four named queries (F-142). They see the hook's own project only.

use aq_core::hook::Hook;
use aq_core::ids::TaskId;
use serde_json::{Value, json};

use crate::hooks::parts::Parts;
use crate::store::{
    Connection, EventQuery, HookRunRecord, RunQuery, RunRecord, StoreError, TaskRecord, events, hook_runs, hooks, run_lists, runs, tasks,
};

const RESULTS: u32 = 20;
const EVENTS: i64 = 50;
const RUNS: i64 = 10;

pub(super) async fn ask(parts: &Parts, hook: &Hook, name: &str, param: &(dyn Fn(&str) -> String + Sync)) -> Result<Value, String> {
    let project = hook.project.clone();
    let (task, wanted) = (param("task_id"), param("hook_id"));
    let name = name.to_owned();
    let rows = parts.reader.read(move |db| {
        let rows = match name.as_str() {
            "recent_task_results" => {
                let filter = RunQuery { projects: Some(vec![project]), ..RunQuery::default() };
                let page = run_lists::page(db, &filter, None, RESULTS)?;
                page.runs.into_iter().filter(|run| run.run.end.is_some()).map(|run| result(db, &run)).collect::<Result<Vec<_>, _>>()?
            }
            "task_detail" => {
                let found = TaskId::parse(&task).ok().map(|id| tasks::by_id(db, &id)).transpose()?.flatten();
                let found = found.filter(|record| record.task.project == project);
                found.map(|record| detail(db, &record)).transpose()?.into_iter().collect()
            }
            "recent_events" => {
                let filter = EventQuery { projects: Some(vec![project]), ..EventQuery::default() };
                events::page(db, &filter, None, EVENTS)?.iter().map(aq_core::hook::event_value).collect()
            }
            "hook_runs" => {
                let known = hooks::by_id(db, &wanted)?.is_some_and(|hook| hook.project == project);
                if known { hook_runs::of_hook(db, &wanted, None, RUNS)?.iter().map(of_run).collect() } else { Vec::new() }
            }
            other => return Ok(Err(format!("Unknown query: {other}"))),
        };
        Ok::<_, StoreError>(Ok(rows))
    });
    let rows = rows.await.map_err(|error| error.to_string())??;
    Ok(json!({ "count": rows.len(), "rows": rows }))
}

fn result(db: &mut Connection, run: &RunRecord) -> Result<Value, StoreError> {
    let task = tasks::by_key(db, run.task_key)?;
    Ok(of_result(&task, Some(run)))
}

fn detail(db: &mut Connection, record: &TaskRecord) -> Result<Value, StoreError> {
    let run = runs::get(db, record.key, record.task.run_number)?;
    let mut value = of_result(record, run.as_ref());
    if let Some(fields) = value.as_object_mut() {
        fields.insert("description".to_owned(), record.task.description.as_str().into());
        fields.insert("priority".to_owned(), record.task.priority.into());
        fields.insert("retry_count".to_owned(), record.task.retry_count.into());
    }
    Ok(value)
}

fn of_result(record: &TaskRecord, run: Option<&RunRecord>) -> Value {
    let end = run.and_then(|run| run.run.end.as_ref());
    json!({
        "task_id": record.task.id.as_str(),
        "title": record.task.title,
        "status": record.task.status.as_str(),
        "run_number": record.task.run_number,
        "result": end.map(|end| end.result.as_str()),
        "summary": run.map(|run| run.run.summary.as_str()),
        "message": end.map(|end| end.message.as_str()),
        "tokens": run.map(|run| run.run.tokens.total()),
        "ended_at_ms": run.and_then(|run| run.run.ended_at).map(aq_core::time::Timestamp::as_millis),
    })
}

fn of_run(run: &HookRunRecord) -> Value {
    json!({
        "id": run.id, "reason": run.reason, "status": run.state.as_str(), "note": run.note, "tokens": run.tokens,
        "created_at_ms": run.created_at.as_millis(),
    })
}

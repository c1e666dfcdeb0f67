//! TaskService: which tasks cannot go on because others are BLOCKED or FAILED (F-161).

use std::collections::BTreeSet;

use aq_core::event::EventKind;
use aq_core::explain::{Facts, explain};
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;
use tonic::Request;

use super::convert;
use super::incoming::{optional_project, optional_task};
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use crate::commands::task;
use crate::store::{Connection, EventQuery, StoreError, TaskRecord, chains, events, tasks};

/// Chains told in one answer.
const CHAINS: usize = 200;
/// Longest context of a block that is repeated, in characters.
const LONGEST: usize = 500;
/// Stuck tasks told with a chain.
const STUCK: usize = 50;

/// The chains behind these tasks, and every task that waits in one of them. Only the first [`CHAINS`] are told.
fn told(db: &mut Connection, roots: &[i64]) -> Result<(Vec<pb::StuckChain>, BTreeSet<i64>), StoreError> {
    let (mut chains, mut waiting) = (Vec::new(), BTreeSet::new());
    for key in roots {
        let record = tasks::by_key(db, *key)?;
        let stuck = chains::stuck_behind(db, *key)?;
        waiting.extend(stuck.iter().map(|link| link.key));
        if chains.len() < CHAINS {
            chains.push(chain(&record, &stuck));
        }
    }
    Ok((chains, waiting))
}

fn chain(record: &TaskRecord, stuck: &[crate::store::TaskLink]) -> pb::StuckChain {
    pb::StuckChain {
        task: Some(convert::task_ref(record)),
        project_id: record.task.project.to_string(),
        block_reason: convert::block_reason(record.task.blocked_reason),
        cause: explain(&record.task, &Facts::default()).map(|reason| reason.sentence()).unwrap_or_default(),
        since: Some(convert::timestamp(record.task.updated_at)),
        archived: record.task.is_archived(),
        stuck: stuck.iter().take(STUCK).map(convert::link).collect(),
        stuck_count: u32::try_from(stuck.len()).unwrap_or(u32::MAX),
    }
}

/// What was told when a task was blocked: the failure, or what the person said who stopped it, and who that was. `None` when it is not blocked, or
/// the event is past its retention.
pub(super) fn told_at_block(db: &mut Connection, record: &TaskRecord) -> Result<Option<String>, StoreError> {
    if !matches!(record.task.status, TaskStatus::Blocked | TaskStatus::Failed) {
        return Ok(None);
    }
    let kinds = vec![EventKind::TaskBlocked, EventKind::TaskFailed, EventKind::TaskStatusSet];
    let query = EventQuery { tasks: vec![record.task.id.clone()], kinds, ..EventQuery::default() };
    let Some(event) = events::page(db, &query, None, 1)?.pop() else { return Ok(None) };
    let text = |key: &str| event.payload.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().trim().to_owned();
    let (context, actor) = (text("context").chars().take(LONGEST).collect::<String>(), text("actor"));
    Ok(match (context.is_empty(), actor.as_str()) {
        (true, "system" | "") => None,
        (false, "system" | "") => Some(context),
        (true, actor) => Some(format!("by {actor}")),
        (false, actor) => Some(format!("{context} (by {actor})")),
    })
}

/// `1 task`, `3 tasks`.
fn some(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What is said of one task: `above` are the ones it waits behind, `below` who waits behind it.
fn of_task(record: &TaskRecord, above: usize, below: usize) -> String {
    let (id, status) = (&record.task.id, record.task.status);
    if matches!(status, TaskStatus::Blocked | TaskStatus::Failed) {
        return match below {
            0 => format!("{id} is {status}; nothing waits behind it."),
            below => format!("{id} is {status} and holds up {}.", some(below, "task")),
        };
    }
    match above {
        0 => format!("{id} is {status}; nothing in its chain is blocked or failed."),
        above => format!("{id} cannot start: it waits behind {} that cannot complete.", some(above, "task")),
    }
}

impl Tasks {
    pub(super) async fn chain_health(&self, request: Request<pb::GetChainHealthRequest>) -> Reply<pb::GetChainHealthResponse> {
        let call = self.0.admit(request)?;
        let (id, project) = (optional_task("task_id", &call.body.task_id)?, optional_project("project_id", &call.body.project_id)?);
        if id.is_some() && project.is_some() {
            return Err(ApiError::invalid("project_id", "goes without task_id; name one of them").into());
        }
        let context = call.context;
        if let Some(project) = &project {
            context.sees(project, "project", project.as_str()).map_err(ApiError::from)?;
        }
        let answer = self.0.turn(&context).read(move |db| {
            if let Some(id) = &id {
                let record = task(db, &context, id)?;
                let waits = record.task.status == TaskStatus::Defined;
                let mut roots: Vec<i64> =
                    if waits { chains::blockers(db, record.key)?.iter().map(|link| link.key).collect() } else { Vec::new() };
                let above = roots.len();
                if matches!(record.task.status, TaskStatus::Blocked | TaskStatus::Failed) {
                    roots.push(record.key);
                }
                let (mut chains, waiting) = told(db, &roots)?;
                let below = if above == 0 { waiting.len() } else { 0 };
                // A task that holds up nobody is no chain.
                chains.retain(|chain| chain.stuck_count > 0);
                return Ok(pb::GetChainHealthResponse {
                    task: Some(convert::task_ref(&record)),
                    summary: of_task(&record, above, below),
                    total_chains: u32::try_from(chains.len()).unwrap_or(u32::MAX),
                    total_stuck: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
                    chains,
                });
            }
            let seen =
                |of: &aq_core::ids::ProjectId| project.as_ref().is_none_or(|wanted| wanted == of) && context.principal.projects.covers(of);
            let roots: Vec<i64> = chains::roots(db)?.into_iter().filter(|(_, of)| seen(of)).map(|(key, _)| key).collect();
            let (chains, waiting) = told(db, &roots)?;
            let summary = if roots.is_empty() {
                "No chain is stuck.".to_owned()
            } else {
                let hold = if roots.len() == 1 { "holds" } else { "hold" };
                format!("{} {hold} up {}.", some(roots.len(), "blocked or failed task"), some(waiting.len(), "task"))
            };
            Ok(pb::GetChainHealthResponse {
                task: None,
                summary,
                chains,
                total_chains: u32::try_from(roots.len()).unwrap_or(u32::MAX),
                total_stuck: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
            })
        });
        Ok(tonic::Response::new(answer.await?))
    }
}

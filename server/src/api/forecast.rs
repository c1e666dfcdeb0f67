//! When tasks will start and end: the pure forecast run three times, with short, middle and long runs.

use std::collections::BTreeMap;

use aq_core::ids::ProjectId;
use aq_core::schedule::{ExpectedStart, forecast};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use tonic::Request;

use super::convert;
use super::incoming::optional_project;
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use super::views;
use crate::orchestrator::{Present, present};
use crate::store::tasks;

/// The parts of the past lengths that stand for short, middle and long runs.
const PARTS: [f64; 3] = [0.2, 0.5, 0.8];
/// Tasks of an answer where nobody says how many, and at most.
const PAGE: (u32, u32) = (50, 200);
/// Why nothing can be said at all.
const NO_RUNS: &str = "No run has ended well yet, so there is nothing to estimate from.";

/// Starts by task key, for short, middle and long runs.
type Three = [BTreeMap<i64, ExpectedStart>; 3];

/// Runs the forecast; `None` while there are no lengths.
fn three(present: &Present, now: Timestamp) -> Option<Three> {
    let most = present.keys.len();
    let run = |part: f64| {
        let (own, general) = present.lengths.at(part)?;
        let length = |project: &ProjectId| own.get(project).copied().unwrap_or(general);
        let starts = forecast(&present.with_lengths(length, now), length, now, most);
        Some(starts.into_iter().filter_map(|start| Some((start.task.as_str().parse().ok()?, start))).collect())
    };
    let [low, likely, high] = PARTS;
    Some([run(low)?, run(likely)?, run(high)?])
}

/// One task in words of the contract. Longer runs of others may let a task start earlier; the range covers all three.
fn told(key: i64, shown: &pb::Task, three: Option<&Three>) -> pb::TaskForecast {
    let mut told = pb::TaskForecast {
        task_id: shown.id.clone(),
        title: shown.title.clone(),
        project_id: shown.project_id.clone(),
        status: shown.status,
        reason: shown.waiting_for.clone(),
        ..pb::TaskForecast::default()
    };
    let Some(three) = three else {
        NO_RUNS.clone_into(&mut told.reason);
        return told;
    };
    let [low, likely, high] = three.each_ref().map(|starts| starts.get(&key));
    let Some(likely) = likely else { return told };
    let seen = [low, Some(likely), high];
    let starts = seen.iter().flatten().map(|start| start.at);
    let ends = seen.iter().flatten().map(|start| start.ends_at);
    let stamp = |at: Option<Timestamp>| at.map(convert::timestamp);
    told.starts_low = stamp(starts.clone().min());
    told.starts_likely = stamp(Some(likely.at));
    // A task that does not start at all in one of the three has no upper end.
    told.starts_high = stamp(high.and(low).and(starts.max()));
    told.ends_low = stamp(ends.clone().min());
    told.ends_likely = stamp(Some(likely.ends_at));
    told.ends_high = stamp(high.and(low).and(ends.max()));
    told
}

impl Tasks {
    pub(super) async fn forecast(&self, request: Request<pb::ForecastTasksRequest>) -> Reply<pb::ForecastTasksResponse> {
        let call = self.0.admit(request)?;
        let only = optional_project("project_id", &call.body.project_id)?;
        if let Some(project) = &only {
            call.context.sees(project, "project", project.as_str()).map_err(ApiError::from)?;
        }
        let size = match call.body.max_tasks {
            0 => PAGE.0,
            size if size > PAGE.1 => return Err(ApiError::invalid("max_tasks", format!("must be at most {}", PAGE.1)).into()),
            size => size,
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let (policy, now, scope) = (std::sync::Arc::clone(&self.0.parts.policy), call.context.now, call.context.principal.projects.clone());
        let seen = self.0.turn(&call.context).look(move |seen| Ok(present(seen.db, seen.figures, &policy, now)?)).await?;
        let past_runs = u32::try_from(seen.lengths.runs()).unwrap_or(u32::MAX);
        // The forecast itself is computed where it holds nobody up.
        let (drawn, three, truncated) = self
            .0
            .turn(&call.context)
            .read(move |db| {
                let three = three(&seen, now);
                let mut records: Vec<_> = tasks::shown_by_key(db, &seen.keys)?.into_values().collect();
                records.retain(|record| scope.covers(&record.task.project) && only.as_ref().is_none_or(|id| record.task.project == *id));
                let likely = |key: i64| three.as_ref().and_then(|[_, likely, _]| likely.get(&key)).map(|start| start.at);
                records.sort_by_key(|record| (likely(record.key).is_none(), likely(record.key), record.key));
                let truncated = seen.truncated || records.len() > size;
                records.truncate(size);
                records.iter_mut().for_each(|record| record.task.description.clear());
                Ok((views::gather(db, records)?, three, truncated))
            })
            .await?;
        let keys: Vec<i64> = drawn.iter().map(|one| one.record.key).collect();
        let shown = self.0.show(&call.context, drawn).await?;
        let tasks = keys.iter().zip(&shown).map(|(key, task)| told(*key, task, three.as_ref())).collect();
        Ok(tonic::Response::new(pb::ForecastTasksResponse { tasks, past_runs, truncated }))
    }
}

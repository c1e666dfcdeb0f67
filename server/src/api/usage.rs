//! Reports of what was spent.

use std::collections::BTreeMap;

use aq_core::ids::{ProjectId, TaskId};
use aq_core::limits::read_zone;
use aq_core::output::TokenUsage;
use aq_core::principal::ProjectScope;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use jiff::tz::TimeZone;

use super::incoming::{instant, member, optional_project, optional_task};
use super::status::ApiError;
use crate::commands::{Context, task};
use crate::events::wire;
use crate::store::usage::{self, UsageLine};
use crate::store::{Connection, Usage, UsageOf, task_lists, usage_groups};

/// Lines of a report.
const LINES: i64 = 1_000;

/// What is asked for.
pub(super) struct Wanted {
    task: Option<TaskId>,
    project: Option<ProjectId>,
    since: Timestamp,
    until: Timestamp,
    group: Option<pb::UsageGroup>,
    zone: TimeZone,
}

/// Reads a request.
pub(super) fn wanted(body: &pb::GetTokenUsageRequest) -> Result<Wanted, ApiError> {
    let wanted = Wanted {
        task: optional_task("task_id", &body.task_id)?,
        project: optional_project("project_id", &body.project_id)?,
        since: instant("since", body.since.as_ref())?.unwrap_or(Timestamp::from_millis(0)),
        until: instant("until", body.until.as_ref())?.unwrap_or(Timestamp::from_millis(i64::MAX)),
        group: member("group_by", body.group_by)?,
        zone: read_zone(&body.time_zone).map_err(|error| ApiError::invalid("time_zone", error.to_string()))?,
    };
    if wanted.until < wanted.since {
        return Err(ApiError::invalid("until", "lies before since"));
    }
    Ok(wanted)
}

/// The projects that the caller sees; `None`: all.
fn seen(context: &Context) -> Option<Vec<ProjectId>> {
    match &context.principal.projects {
        ProjectScope::All => None,
        ProjectScope::Only(projects) => Some(projects.iter().cloned().collect()),
    }
}

/// Quarters of an hour added up to the days of a zone, oldest first; the latest [`LINES`] of them.
fn days(quarters: Vec<UsageLine>, zone: &TimeZone) -> Vec<(String, UsageLine)> {
    let mut days: BTreeMap<String, UsageLine> = BTreeMap::new();
    for quarter in quarters {
        let at = quarter.quarter.unwrap_or_default().as_millis();
        let Ok(at) = jiff::Timestamp::from_millisecond(at) else { continue };
        let day = days.entry(at.to_zoned(zone.clone()).date().to_string()).or_default();
        let (sum, more) = (&mut day.tokens, quarter.tokens);
        *sum = TokenUsage {
            input: sum.input.saturating_add(more.input),
            output: sum.output.saturating_add(more.output),
            cache_read: sum.cache_read.saturating_add(more.cache_read),
            cache_write: sum.cache_write.saturating_add(more.cache_write),
        };
        day.cost_micros = day.cost_micros.saturating_add(quarter.cost_micros);
        day.entries = day.entries.saturating_add(quarter.entries);
    }
    let most = usize::try_from(LINES).unwrap_or(usize::MAX);
    let skipped = days.len().saturating_sub(most);
    days.into_iter().skip(skipped).collect()
}

/// The report.
pub(super) fn report(db: &mut Connection, context: &Context, wanted: &Wanted) -> Result<pb::GetTokenUsageResponse, ApiError> {
    let record = wanted.task.as_ref().map(|id| task(db, context, id)).transpose()?;
    if let Some(project) = wanted.project.as_ref().filter(|_| record.is_none()) {
        context.sees(project, "project", project.as_str())?;
    }
    let (since, until) = (wanted.since, wanted.until);
    let mut named = BTreeMap::new();
    let (usage, owner) = if let Some(group) = wanted.group {
        let of = UsageOf {
            task: record.as_ref().map(|record| record.key),
            projects: if record.is_some() { None } else { wanted.project.clone().map(|id| vec![id]).or_else(|| seen(context)) },
            since,
            until,
        };
        let usage = match group {
            pb::UsageGroup::Agent => usage_groups::by_agent(db, &of, LINES)?,
            pb::UsageGroup::Model => usage_groups::by_model(db, &of, LINES)?,
            pb::UsageGroup::Day | pb::UsageGroup::Unspecified => {
                let Usage { lines, total } = usage_groups::by_quarter(db, &of)?;
                let days = days(lines, &wanted.zone);
                named = days.iter().enumerate().map(|(index, (day, _))| (index, day.clone())).collect();
                Usage { lines: days.into_iter().map(|(_, line)| line).collect(), total }
            }
        };
        (usage, record.map(|record| record.task.project).or_else(|| wanted.project.clone()))
    } else {
        match (record, wanted.project.clone()) {
            // Tasks of the archive count too; a deleted one is reported with its project only.
            (Some(record), _) => (usage::of_task(db, record.key, since, until, LINES)?, Some(record.task.project)),
            (None, Some(project)) => (usage::of_project(db, &project, since, until, LINES)?, Some(project)),
            (None, None) => (usage::by_project(db, seen(context).as_deref(), since, until, LINES)?, None),
        }
    };
    let keys: Vec<i64> = usage.lines.iter().filter_map(|line| line.task_key).collect();
    let names = task_lists::names(db, &keys)?;
    let entry = |(index, line): (usize, &UsageLine)| pb::TokenUsageEntry {
        project_id: line.project.as_ref().or(owner.as_ref()).map(ToString::to_string).unwrap_or_default(),
        task_id: line.task_key.and_then(|key| names.get(&key)).map(ToString::to_string).unwrap_or_default(),
        agent_id: line.agent.as_ref().map(ToString::to_string).unwrap_or_default(),
        tokens: Some(wire::tokens(line.tokens)),
        cost_micros: line.cost_micros,
        entries: line.entries,
        model: line.model.clone().unwrap_or_default(),
        day: named.get(&index).cloned().unwrap_or_default(),
    };
    let Usage { lines, total } = &usage;
    let counted: u64 = lines.iter().map(|line| line.entries).sum();
    Ok(pb::GetTokenUsageResponse {
        entries: lines.iter().enumerate().map(entry).collect(),
        total: Some(wire::tokens(total.tokens)),
        total_cost_micros: total.cost_micros,
        truncated: counted < total.entries,
    })
}

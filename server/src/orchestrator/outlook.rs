//! What a forecast begins with, taken from the same figures and with the same functions as a decision.
//!
//! The forecast itself is pure and lives in `aq_core::schedule`.

use std::collections::BTreeMap;

use aq_core::ids::ProjectId;
use aq_core::limits::{Closed, GateReason};
use aq_core::schedule::{Lane, OpenRun, Outlook, Release, Snapshot, Waiting, quantile};
use aq_core::time::Timestamp;

use super::accounts::Seen;
use super::policy::Policy;
use super::snapshot::{head, key_of, look};
use crate::lifecycle::Figures;
use crate::store::{Connection, StoreError, forecasts};

/// Most tasks of a lane, and most tasks that are not ready, that are looked at.
const TASKS: usize = 2_000;
/// Most past runs that lengths are taken from.
const RUNS: i64 = 2_000;
/// Past runs of a project from which its own lengths are used; with fewer those of all projects are.
const OWN: usize = 3;

/// How long tasks took lately.
#[derive(Clone, Debug, Default)]
pub struct Lengths {
    by_project: BTreeMap<ProjectId, Vec<i64>>,
    all: Vec<i64>,
}

impl Lengths {
    /// How many runs they come from.
    #[must_use]
    pub const fn runs(&self) -> usize {
        self.all.len()
    }

    /// The length below which `part` of a project's tasks lie, for each project, and for those without enough runs of their own; `None` while no run
    /// has ended.
    #[must_use]
    pub fn at(&self, part: f64) -> Option<(BTreeMap<ProjectId, i64>, i64)> {
        let general = quantile(&mut self.all.clone(), part)?;
        let own = self.by_project.iter().filter(|(_, lengths)| lengths.len() >= OWN);
        let own = own.filter_map(|(project, lengths)| Some((project.clone(), quantile(&mut lengths.clone(), part)?)));
        Some((own.collect(), general))
    }
}

/// Everything about the present that a forecast needs.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// The start of the forecast; the ends of open runs are instants of their starts, see [`Present::with_lengths`].
    pub outlook: Outlook,
    /// Past lengths.
    pub lengths: Lengths,
    /// Keys of the tasks that are looked at, ready ones and others.
    pub keys: Vec<i64>,
    /// True when there are more tasks than were looked at.
    pub truncated: bool,
}

impl Present {
    /// The outlook with open runs that end after the given lengths, and in the near future where they should have ended already.
    #[must_use]
    pub fn with_lengths(&self, length: impl Fn(&ProjectId) -> i64, now: Timestamp) -> Outlook {
        let mut outlook = self.outlook.clone();
        for run in &mut outlook.open {
            let length = length(&run.project).max(1_000);
            let soon = now.plus_millis((length / 10).max(1_000));
            run.ends_at = run.ends_at.plus_millis(length).max(soon);
        }
        outlook
    }
}

/// Looks at the present.
///
/// # Errors
/// When the rows cannot be read.
pub fn present(db: &mut Connection, figures: &Figures, policy: &Policy, now: Timestamp) -> Result<Present, StoreError> {
    let limit = i64::try_from(TASKS).unwrap_or(i64::MAX);
    let records = forecasts::waiting(db, limit)?;
    let waiting_keys: Vec<i64> = records.iter().map(|record| record.key).collect();
    let mut after: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (task, on) in forecasts::unmet_edges(db, &waiting_keys)? {
        after.entry(task).or_default().push(on);
    }
    let mut lengths = Lengths::default();
    for (project, length) in forecasts::lengths(db, now.plus_millis(-figures.span_ms.max(7 * 86_400_000)), RUNS)? {
        lengths.all.push(length);
        lengths.by_project.entry(project).or_default().push(length);
    }
    let mut seen = Seen::new(figures, policy, now);
    let agents = seen.idle();
    let open = figures.runs.iter().filter_map(|(key, run)| {
        let agent = figures.agents.get(&run.agent)?;
        let mut idle = seen.agent(agent);
        if agent.paused {
            idle.closed = Some(Closed { reason: GateReason::Paused, until: None });
        }
        // What the window counts already is not in flight any more.
        let cost = run.reserved.saturating_sub(run.tokens);
        Some(OpenRun { task: head(0, *key).task, project: run.project.clone(), agent: idle, ends_at: run.since, cost })
    });
    let open = open.collect();
    let around = Snapshot { agents, accounts: seen.rooms, ..Snapshot::default() };
    let snapshot = look(figures, policy, now, around, TASKS, true);
    let waiting: Vec<_> = records
        .iter()
        .map(|record| Waiting {
            head: head(record.task.priority, record.key),
            project: record.task.project.clone(),
            lane: Lane::of(record.task.needs(), Vec::new()),
            after: after.get(&record.key).into_iter().flatten().map(|on| head(0, *on).task).collect(),
            not_before: record.task.resume_after,
        })
        .collect();
    let releases = figures.projects.values().flat_map(|hot| {
        let leaving = hot.usage.tokens.leaving(now);
        leaving.into_iter().map(|(at, tokens)| Release { at, project: hot.project.id.clone(), tokens })
    });
    let ready = snapshot.projects.iter().flat_map(|project| &project.lanes).flat_map(|lane| &lane.heads);
    let mut keys: Vec<i64> = ready.filter_map(|head| key_of(&head.task)).collect();
    let counted: usize = figures.projects.values().flat_map(|hot| hot.ready.values()).map(std::collections::BTreeSet::len).sum();
    let truncated = counted > keys.len() || waiting.len() >= TASKS;
    keys.extend(waiting_keys);
    Ok(Present { outlook: Outlook { releases: releases.collect(), snapshot, open, waiting }, lengths, keys, truncated })
}

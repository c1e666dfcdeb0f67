//! Why a task does not run now, from the same figures that the scheduler decides on.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::explain::{Facts, WaitReason, Wake, explain, preface};
use aq_core::ids::{ProjectId, TaskId};
use aq_core::limits::GateReason;
use aq_core::project::ProjectStatus;
use aq_core::runtime::RuntimeKind;
use aq_core::schedule::{ProjectWait, Reason, decide};
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::convert;
use crate::lifecycle::Figures;
use crate::orchestrator::{Policy, budgets, snapshot};
use crate::store::TaskRecord;

/// Ready tasks counted before a task of a list; an explanation of one task counts further.
pub(super) const FEW: usize = 1_000;
/// Files in conflict that are named.
const NAMED: usize = 5;
/// Ready tasks counted before one task.
pub(super) const MANY: usize = 100_000;

/// Why projects with ready work got nothing in the decision that would be made now.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    reasons: BTreeMap<ProjectId, Reason>,
    /// When the budget opens again that a project waits for, when known.
    opens: BTreeMap<ProjectId, Timestamp>,
}

impl Waits {
    /// Asks the scheduler. As dear as one pass over the projects with ready work.
    pub(super) fn decided(figures: &Figures, policy: &Policy, now: Timestamp) -> Self {
        let decision = decide(&snapshot(figures, policy, now));
        let mut waits = Self::default();
        for ProjectWait { project, reason } in decision.waits {
            let opens = match reason {
                Reason::ProjectBudget { .. } => budgets::opens(figures, policy, Some(&project), now),
                Reason::GlobalBudget { .. } => budgets::opens(figures, policy, None, now),
                _ => None,
            };
            if let Some(opens) = opens {
                waits.opens.insert(project.clone(), opens);
            }
            waits.reasons.insert(project, reason);
        }
        waits
    }

    /// Only what is known without asking: the pauses of these projects. For the answers of mutations.
    pub(super) fn pauses<'a>(figures: &Figures, projects: impl Iterator<Item = &'a ProjectId>) -> Self {
        let paused = projects.filter_map(|id| figures.projects.get(id)).filter_map(|hot| {
            let reason = if figures.paused {
                Reason::SystemPaused
            } else if hot.project.status != ProjectStatus::Active {
                Reason::ProjectPaused
            } else {
                return None;
            };
            Some((hot.project.id.clone(), reason))
        });
        Self { reasons: paused.collect(), opens: BTreeMap::new() }
    }
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Explained {
    pub(super) sentence: String,
    pub(super) reasons: Vec<pb::WaitReason>,
    pub(super) expected_at: Option<Timestamp>,
    pub(super) ahead: u32,
}

/// How many of a lane come before `place`, at most `most`. Counts from both ends at once: a task that was just created is mostly the last one,
/// and the writer waits meanwhile.
fn before(lane: &BTreeSet<(i32, i64)>, place: (i32, i64), most: usize) -> usize {
    let (mut ahead, mut behind) = (lane.range(..place), lane.range(place..));
    for counted in 0..most {
        if ahead.next().is_none() {
            return counted;
        }
        if behind.next().is_none() {
            return (lane.len() - counted).min(most);
        }
    }
    most
}

/// Explains a task. `unmet` are the dependencies that are not completed; at most `count` tasks before it are counted.
pub(super) fn explained(
    figures: &Figures,
    waits: &Waits,
    record: &TaskRecord,
    unmet: &[(TaskId, TaskStatus)],
    count: usize,
    now: Timestamp,
) -> Explained {
    let task = &record.task;
    let ready = task.status == TaskStatus::Ready;
    if ready && figures.runs.contains_key(&record.key) {
        return single(pb::WaitKind::Running, "Waits for its previous run to end.".to_owned());
    }
    let on_branch = task.branch.as_deref().filter(|_| ready).and_then(|branch| figures.working_on(&task.project, branch));
    if let Some(open) = on_branch.and_then(|key| figures.runs.get(&key)) {
        let text = format!("Waits for run {} to end: it works on the same branch.", open.run);
        let mut told = single(pb::WaitKind::Running, text);
        told.reasons.iter_mut().for_each(|reason| reason.subject_id = open.run.task.to_string());
        return told;
    }
    if let Some(reason) = figures.degraded.values().next().filter(|_| ready) {
        return single(pb::WaitKind::Resources, format!("Nothing starts at the moment: {reason}."));
    }
    if let Some(held) = figures.held_up.get(&record.key).filter(|held| held.until > now) {
        let text = format!(
            "An error of the server itself keeps it from going on; its log has the cause. It is tried again at {}, and other tasks go on.",
            held.until
        );
        return Explained { expected_at: Some(held.until), ..single(pb::WaitKind::Resources, text) };
    }
    if let Some(root) = figures.tree_waits.get(&record.key).filter(|_| ready) {
        let open = figures.runs.values().find(|open| open.root == *root).map(|open| open.run.clone());
        let who = open.as_ref().map_or_else(|| "a run of its tree".to_owned(), |run| format!("run {run}"));
        let text = format!("Waits for {who} to end: what is left of the budget of its task tree is reserved.");
        let mut told = single(pb::WaitKind::Budget, text);
        told.reasons.iter_mut().for_each(|reason| reason.subject_id = open.as_ref().map(|run| run.task.to_string()).unwrap_or_default());
        return told;
    }
    let hot = figures.projects.get(&task.project);
    let lanes = hot.into_iter().flat_map(|hot| hot.ready.values());
    let place = (task.priority, record.key);
    let ahead: usize = if ready { lanes.map(|lane| before(lane, place, count)).sum() } else { 0 };
    let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
    let facts = Facts {
        unmet: unmet.to_vec(),
        project: waits.reasons.get(&task.project).copied(),
        ahead,
        no_fitting_agent: !figures.agents.values().any(|agent| task.needs().runtime.is_none_or(|wanted| agent.runtime == wanted)),
        no_workspace: !figures.workspaces.values().any(|space| space.project == task.project),
        budget_opens: waits.opens.get(&task.project).copied(),
        stands_in_for: stands_in_for(figures, record),
    };
    let Some(reason) = explain(task, &facts) else {
        return single(pb::WaitKind::Finished, String::new());
    };
    let until = match reason.wake() {
        Wake::At(at) => Some(at),
        Wake::Now => Some(now),
        Wake::OwnRun | Wake::Others | Wake::Person => None,
    };
    let clash = figures.clashes.get(&record.key).map(|files| clash(files)).unwrap_or_default();
    let sentence = format!("{}{}{clash}", preface(task), reason.sentence());
    let told = pb::WaitReason {
        kind: kind(&reason, task.retry_count).into(),
        text: sentence.clone(),
        subject_id: subject(&reason, task.project.as_str()),
        until: match reason.wake() {
            Wake::At(at) => Some(convert::timestamp(at)),
            _ => None,
        },
    };
    let mut reasons = vec![told];
    // A task that could not start anyway is told of the pauses too: both have to end.
    if ready || task.status == TaskStatus::Defined {
        reasons.extend(pauses(figures, &task.project, &reason));
    }
    Explained { sentence, reasons, expected_at: until, ahead }
}

/// What is said of work that would conflict with what has landed.
fn clash(files: &[String]) -> String {
    let named: Vec<_> = files.iter().take(NAMED).map(String::as_str).collect();
    let more = files.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        " It would conflict with what has landed, in {}{more}: reopen it with feedback, or approve it and have the conflict repaired.",
        named.join(", ")
    )
}

/// The runtime that the task needs, while an agent of another one works on it.
fn stands_in_for(figures: &Figures, record: &TaskRecord) -> Option<RuntimeKind> {
    let agent = figures.runs.get(&record.key).and_then(|open| figures.agents.get(&open.agent))?;
    record.task.needs().runtime.filter(|needed| *needed != agent.runtime)
}

fn single(kind: pb::WaitKind, text: String) -> Explained {
    let reason = pb::WaitReason { kind: kind.into(), text: text.clone(), ..Default::default() };
    Explained { sentence: text, reasons: vec![reason], ..Explained::default() }
}

fn pauses(figures: &Figures, project: &ProjectId, first: &WaitReason) -> Vec<pb::WaitReason> {
    let mut found = Vec::new();
    if figures.paused && *first != WaitReason::SystemPaused {
        found.push((pb::WaitKind::SchedulingPaused, WaitReason::SystemPaused));
    }
    let paused = figures.projects.get(project).is_some_and(|hot| hot.project.status != ProjectStatus::Active);
    if paused && *first != WaitReason::ProjectPaused {
        found.push((pb::WaitKind::ProjectPaused, WaitReason::ProjectPaused));
    }
    let told = |(kind, reason): (pb::WaitKind, WaitReason)| pb::WaitReason {
        kind: kind.into(),
        text: reason.sentence(),
        subject_id: subject(&reason, project.as_str()),
        until: None,
    };
    found.into_iter().map(told).collect()
}

const fn kind(reason: &WaitReason, retries: u32) -> pb::WaitKind {
    match reason {
        WaitReason::RunnableNow => pb::WaitKind::Runnable,
        WaitReason::Queued { .. } | WaitReason::Turn => pb::WaitKind::Turn,
        WaitReason::Agent { none_exists: true, .. } => pb::WaitKind::NoAgent,
        WaitReason::Agent { none_exists: false, .. } => pb::WaitKind::AgentsBusy,
        WaitReason::Workspace { none_exists: true } => pb::WaitKind::NoWorkspace,
        WaitReason::Workspace { none_exists: false } => pb::WaitKind::WorkspacesBusy,
        WaitReason::ProjectPaused => pb::WaitKind::ProjectPaused,
        WaitReason::SystemPaused => pb::WaitKind::SchedulingPaused,
        WaitReason::Budget { .. } => pb::WaitKind::Budget,
        WaitReason::ConcurrencyCap { .. } => pb::WaitKind::ProjectLimit,
        WaitReason::AccountLimit { reason: GateReason::Fault, .. } => pb::WaitKind::AgentFault,
        WaitReason::AccountLimit { .. } | WaitReason::Filler => pb::WaitKind::AccountLimit,
        WaitReason::Dependencies { .. } => pb::WaitKind::Dependency,
        WaitReason::Until { .. } if retries > 0 => pb::WaitKind::RetryTimer,
        WaitReason::Until { .. } => pb::WaitKind::ResumeTimer,
        WaitReason::Starting { .. } | WaitReason::Working { .. } => pb::WaitKind::Running,
        WaitReason::Reviewing { .. } => pb::WaitKind::Review,
        WaitReason::Verifying => pb::WaitKind::Verifying,
        WaitReason::Answer => pb::WaitKind::Question,
        WaitReason::Approval { .. } => pb::WaitKind::Approval,
        WaitReason::Failed | WaitReason::Blocked { .. } => pb::WaitKind::Blocked,
    }
}

fn subject(reason: &WaitReason, project: &str) -> String {
    match reason {
        WaitReason::Dependencies { unmet } => unmet.first().map(|(task, _)| task.to_string()).unwrap_or_default(),
        WaitReason::Starting { agent, .. } | WaitReason::Working { agent, .. } | WaitReason::Reviewing { agent } => {
            agent.as_ref().map(ToString::to_string).unwrap_or_default()
        }
        WaitReason::Queued { .. }
        | WaitReason::Turn
        | WaitReason::ProjectPaused
        | WaitReason::ConcurrencyCap { .. }
        | WaitReason::Workspace { .. }
        | WaitReason::Budget { global: false, .. } => project.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Api R13: the tasks before one are counted from the nearer end, and are as many as counted from the first one.
    #[test]
    fn the_tasks_before_one_are_counted_from_the_nearer_end() {
        for length in 0..9 {
            let lane: BTreeSet<(i32, i64)> = (0..length).map(|key| (100, key)).collect();
            for (key, most) in (0..10).flat_map(|key| (0..11).map(move |most| (key, most))) {
                let plain = lane.range(..(100, key)).take(most).count();
                assert_eq!(before(&lane, (100, key), most), plain, "{length} {key} {most}");
            }
        }
    }
}

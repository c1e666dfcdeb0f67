//! When tasks will start and end: the scheduler run forward on estimates, with nothing really started.
//!
//! It knows ready tasks, tasks that become ready, open runs, closed accounts, windows with a known size, and usage that leaves the budgets'
//! window. Failures, questions and work that nobody has thought of yet are left out, so a forecast says "if all goes as expected".

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::decide::decide;
use super::snapshot::{AccountRoom, Head, IdleAgent, Lane, Snapshot};
use crate::ids::{AgentId, ProjectId, TaskId};
use crate::limits::{Closed, GateReason};
use crate::time::Timestamp;

/// A run that is open now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// Its task.
    pub task: TaskId,
    /// Its project, whose figures count the run already.
    pub project: ProjectId,
    /// Its agent, as it will be when the run has ended.
    pub agent: IdleAgent,
    /// When it is expected to end.
    pub ends_at: Timestamp,
    /// What the project's work in flight counts for it, in model tokens.
    pub cost: u64,
}

/// A task that is not ready yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The task, as a head of its lane.
    pub head: Head,
    /// Its project.
    pub project: ProjectId,
    /// Its lane, without heads.
    pub lane: Lane,
    /// The tasks it waits for; those that neither run nor wait nor are ready never complete.
    pub after: Vec<TaskId>,
    /// When it is ready at the earliest; `None`: as soon as the tasks it waits for are completed.
    pub not_before: Option<Timestamp>,
}

/// Usage that leaves the window of the budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub project: ProjectId,
    /// How much, in model tokens.
    pub tokens: u64,
}

/// What a forecast begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Everything the scheduler looks at, with every project that has ready or waiting tasks, and all ready tasks in the lanes.
    pub snapshot: Snapshot,
    /// The open runs.
    pub open: Vec<OpenRun>,
    /// The tasks that are not ready yet.
    pub waiting: Vec<Waiting>,
    /// What leaves the window.
    pub releases: Vec<Release>,
}

/// A start that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedStart {
    /// When.
    pub at: Timestamp,
    /// When the run is expected to end.
    pub ends_at: Timestamp,
    /// The task.
    pub task: TaskId,
    /// Its project.
    pub project: ProjectId,
    /// The agent.
    pub agent: AgentId,
}

/// Something that will happen: first by time, then in the order of the kinds, then in the order it was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Coming {
    End(usize),
    Due(usize),
    Release(usize),
}

/// A forecast on its way.
struct Future<'a> {
    state: Snapshot,
    outlook: &'a Outlook,
    runs: Vec<OpenRun>,
    /// Per waiting task, how many tasks it still waits for.
    unmet: Vec<usize>,
    /// Who waits for a task.
    behind: BTreeMap<&'a TaskId, Vec<usize>>,
    coming: BinaryHeap<Reverse<(Timestamp, Coming)>>,
}

/// The first `most` starts from `now` on, in order (schedule R13). `length_ms` estimates how long a task of a project takes; less than
/// one second counts as one. Cost: one decision per start and per thing that happens in between.
#[must_use]
pub fn forecast(outlook: &Outlook, length_ms: impl Fn(&ProjectId) -> i64, now: Timestamp, most: usize) -> Vec<ExpectedStart> {
    let mut future = Future::new(outlook, now);
    let mut at = now;
    let mut starts = Vec::new();
    while starts.len() < most {
        future.reopen(at);
        let decision = decide(&future.state);
        for assignment in decision.assignments {
            let Some(index) = future.state.agents.iter().position(|agent| agent.id == assignment.agent) else { continue };
            let agent = future.state.agents.remove(index);
            let ends_at = at.plus_millis(length_ms(&assignment.project).max(1_000));
            future.begin(&agent, &assignment);
            future.coming.push(Reverse((ends_at, Coming::End(future.runs.len()))));
            let (task, project, cost) = (assignment.task, assignment.project, assignment.cost);
            starts.push(ExpectedStart { at, ends_at, task: task.clone(), project: project.clone(), agent: assignment.agent });
            future.runs.push(OpenRun { task, project, agent, ends_at, cost });
        }
        let next = future.coming.peek().map(|Reverse((time, _))| *time);
        let opening = future.state.agents.iter().filter_map(IdleAgent::opens_at).min();
        let Some(next) = next.into_iter().chain(opening).min() else { break };
        at = at.max(next);
        while let Some(Reverse((time, coming))) = future.coming.peek().copied() {
            if time > at {
                break;
            }
            future.coming.pop();
            future.happen(coming);
        }
    }
    starts.truncate(most);
    starts
}

impl<'a> Future<'a> {
    fn new(outlook: &'a Outlook, now: Timestamp) -> Self {
        let mut coming: BinaryHeap<_> =
            outlook.open.iter().enumerate().map(|(index, run)| Reverse((run.ends_at.max(now), Coming::End(index)))).collect();
        coming.extend(outlook.releases.iter().enumerate().map(|(index, release)| Reverse((release.at.max(now), Coming::Release(index)))));
        let mut behind: BTreeMap<&TaskId, Vec<usize>> = BTreeMap::new();
        for (index, task) in outlook.waiting.iter().enumerate() {
            for upstream in &task.after {
                behind.entry(upstream).or_default().push(index);
            }
            if task.after.is_empty() {
                coming.push(Reverse((task.not_before.unwrap_or(now).max(now), Coming::Due(index))));
            }
        }
        let unmet = outlook.waiting.iter().map(|task| task.after.len()).collect();
        Self { state: outlook.snapshot.clone(), outlook, runs: outlook.open.clone(), unmet, behind, coming }
    }

    /// Accounts that are open again by `at`, and windows that have been reset.
    fn reopen(&mut self, at: Timestamp) {
        for agent in &mut self.state.agents {
            agent.closed = agent.closed.filter(|closed| closed.until.is_none_or(|until| until > at));
        }
        for room in &mut self.state.accounts {
            while let Some(reset) = room.resets_at.filter(|reset| *reset <= at) {
                room.room = room.size;
                room.resets_at = room.span_ms.filter(|span| *span > 0).map(|span| reset.plus_millis(span));
            }
        }
    }

    /// A start: the figures count it.
    fn begin(&mut self, agent: &IdleAgent, assignment: &super::Assignment) {
        let state = &mut self.state;
        state.virtual_time = assignment.start_tag;
        state.global_used = state.global_used.saturating_add(assignment.cost);
        for project in &mut state.projects {
            if project.id != assignment.project {
                project.passed_over = project.passed_over.saturating_add(1);
                continue;
            }
            project.passed_over = 0;
            project.finish_tag = assignment.finish_tag;
            project.active_runs += 1;
            project.free_workspaces = project.free_workspaces.saturating_sub(1);
            project.in_flight = project.in_flight.saturating_add(assignment.cost);
            for lane in &mut project.lanes {
                lane.heads.retain(|head| head.task != assignment.task);
            }
        }
        let Some(account) = agent.account.and_then(|index| state.accounts.get(index)).map(|room| room.account) else { return };
        for (index, room) in state.accounts.iter_mut().enumerate().filter(|(_, room)| room.account == account) {
            room.running += 1;
            let Some(left) = room.room else { continue };
            room.room = Some(left.saturating_sub(assignment.cost));
            // The window is expected to be used up by this run: whoever comes next waits for its reset.
            if let Some(until) = room.resets_at.filter(|_| left <= assignment.cost) {
                let same = state.agents.iter_mut().filter(|agent| agent.account == Some(index) && agent.closed.is_none());
                same.for_each(|agent| agent.closed = Some(Closed { reason: GateReason::Draining, until: Some(until) }));
            }
        }
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::End(index) => self.finish(index),
            Coming::Due(index) => self.ready(index),
            Coming::Release(index) => {
                let Some(release) = self.outlook.releases.get(index) else { return };
                self.state.global_used = self.state.global_used.saturating_sub(release.tokens);
                if let Some(project) = self.state.projects.iter_mut().find(|project| project.id == release.project) {
                    project.window_use = project.window_use.saturating_sub(release.tokens);
                    project.budget_use = project.budget_use.saturating_sub(release.tokens);
                }
            }
        }
    }

    /// A run has ended well: its project and its agent are free for more, and who waited for its task may be ready.
    fn finish(&mut self, index: usize) {
        let Some(run) = self.runs.get(index).cloned() else { return };
        let state = &mut self.state;
        if let Some(project) = state.projects.iter_mut().find(|project| project.id == run.project) {
            project.active_runs = project.active_runs.saturating_sub(1);
            project.free_workspaces = project.free_workspaces.saturating_add(1);
            project.in_flight = project.in_flight.saturating_sub(run.cost);
            project.window_use = project.window_use.saturating_add(run.cost);
            project.budget_use = project.budget_use.saturating_add(run.cost);
            project.completed_in_window = project.completed_in_window.saturating_add(1);
        }
        let mut agent = run.agent.clone();
        if let Some(own) = run.agent.account.and_then(|index| state.accounts.get(index)) {
            if let AccountRoom { room: Some(0), resets_at: Some(until), .. } = own {
                agent.closed = Some(Closed { reason: GateReason::Draining, until: Some(*until) });
            }
            let account = own.account;
            for room in state.accounts.iter_mut().filter(|room| room.account == account) {
                room.running = room.running.saturating_sub(1);
                // All goes as expected: the first run after a reset shows that the account takes work again.
                room.probe = false;
            }
        }
        // What waits for a run to end looks again.
        for agent in &mut state.agents {
            agent.closed = agent.closed.filter(|closed| closed.until.is_some() || closed.reason == GateReason::Paused);
        }
        let place = state.agents.partition_point(|other| other.id < agent.id);
        state.agents.insert(place, agent);
        for waiting in self.behind.get(&run.task).cloned().unwrap_or_default() {
            let Some(unmet) = self.unmet.get_mut(waiting) else { continue };
            *unmet = unmet.saturating_sub(1);
            if *unmet > 0 {
                continue;
            }
            match self.outlook.waiting.get(waiting).and_then(|task| task.not_before).filter(|due| *due > run.ends_at) {
                Some(due) => self.coming.push(Reverse((due, Coming::Due(waiting)))),
                None => self.ready(waiting),
            }
        }
    }

    /// A waiting task is ready: it takes its place in its lane.
    fn ready(&mut self, index: usize) {
        let Some(task) = self.outlook.waiting.get(index) else { return };
        let Some(project) = self.state.projects.iter_mut().find(|project| project.id == task.project) else { return };
        let same =
            |lane: &&mut Lane| (lane.runtime, lane.fallback, lane.filler) == (task.lane.runtime, task.lane.fallback, task.lane.filler);
        match project.lanes.iter_mut().find(same) {
            Some(lane) => {
                let place = lane.heads.partition_point(|head| *head < task.head);
                lane.heads.insert(place, task.head.clone());
            }
            None => project.lanes.push(Lane { heads: vec![task.head.clone()], ..task.lane.clone() }),
        }
    }
}

/// The value below which `part` (0.0 to 1.0) of the lengths lie; `None` without lengths. Sorts them.
#[must_use]
pub fn quantile(lengths: &mut [i64], part: f64) -> Option<i64> {
    lengths.sort_unstable();
    let last = lengths.len().checked_sub(1)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the part is clamped and the length small")]
    let index = (part.clamp(0.0, 1.0) * last as f64).round() as usize;
    lengths.get(index).copied()
}

//! The figures themselves: what they are, and the sums that follow from leases and workspaces.
//!
//! They are changed through [`super::Hot`] only, which can take every change back; how they are made at a start lives in `load`.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::account::Account;
use aq_core::agent::Agent;
use aq_core::audit::Place;
use aq_core::budget::{BudgetScope, BudgetWarning};
use aq_core::ids::{AccountId, AgentId, ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::output::TokenUsage;
use aq_core::project::Project;
use aq_core::run::{Run, RunPurpose, RunState};
use aq_core::runner_link::StopReason;
use aq_core::schedule::expected_rest;
use aq_core::task::{Needs, TaskStatus};
use aq_core::time::Timestamp;
use aq_core::workspace::Workspace;

use super::usage::Usage;
use crate::store::invariants::Offence;

/// Limits that people set, by scope; they replace the configured ones. `None`: no limit.
pub type Overrides = BTreeMap<BudgetScope, Option<u64>>;

/// A project and what is known of its work.
#[derive(Clone, Debug)]
pub struct ProjectHot {
    /// The project.
    pub project: Project,
    /// READY tasks that may start, by what they ask of their agent: (priority, key), least first.
    pub ready: BTreeMap<Needs, BTreeSet<(i32, i64)>>,
    /// Tasks by status, archived and deleted ones left out.
    pub counts: BTreeMap<TaskStatus, u64>,
    /// Tokens and run endings within the rolling window.
    pub usage: Usage,
    /// Starts of other projects since this one's last start.
    pub passed_over: u32,
    /// The finish tag of its last start (start-time fair queueing).
    pub finish_tag: f64,
    /// How many of its runs are open.
    pub open_runs: u32,
    /// What its open runs are still expected to spend, in tokens.
    pub in_flight: u64,
    /// Its workspaces that no run holds, the oldest first.
    pub free: BTreeSet<(Timestamp, WorkspaceId)>,
}

impl ProjectHot {
    pub(super) fn new(project: Project, span_ms: i64) -> Self {
        Self {
            project,
            ready: BTreeMap::new(),
            counts: BTreeMap::new(),
            usage: Usage::new(span_ms),
            passed_over: 0,
            finish_tag: 0.0,
            open_runs: 0,
            in_flight: 0,
            free: BTreeSet::new(),
        }
    }
}

/// An open run: the lease of its agent and its workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRun {
    /// Which run.
    pub run: RunRef,
    /// The project.
    pub project: ProjectId,
    /// The agent.
    pub agent: AgentId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Key of the task that its task came out of at first; the task's own where it came out of none.
    pub root: i64,
    /// Where it stands.
    pub state: RunState,
    /// Tokens spent so far.
    pub tokens: u64,
    /// Tokens it was counted with when it started.
    pub reserved: u64,
    /// When it was assigned.
    pub since: Timestamp,
    /// The branch it works on; no other run works on it meanwhile.
    pub branch: String,
    /// Set when the task moved on without its run: the run has to be stopped, for this reason.
    pub stopping: Option<StopReason>,
    /// True while its task waits for a person: it uses nothing meanwhile.
    pub waits: bool,
    /// True when a command took the run up again and the order to conclude it has yet to be given. Not stored: a start of the server orders
    /// every conclusion anyway.
    pub conclude_due: bool,
    /// How often landing its reviewed work failed for an error of git or of the machine. Not stored, as above.
    pub landing_tries: u32,
    /// True when the present conclusion was ordered to leave the work on its branch. Not stored, as above.
    pub kept: bool,
    /// True when the present conclusion was ordered to leave the work for a review. Not stored, as above.
    pub reviewed_next: bool,
    /// What it is for.
    pub purpose: RunPurpose,
}

/// Who spent tokens: an agent (or what asked a model beside runs) and the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spender {
    /// The agent.
    pub agent: AgentId,
    /// The model; empty while it is not known.
    pub model: String,
}

/// What was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens by kind.
    pub tokens: TokenUsage,
    /// Stated cost, in millionths of a US dollar.
    pub cost_micros: u64,
}

/// A task that could not be moved although it was its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUp {
    /// When it is tried again.
    pub until: Timestamp,
    /// How often it was tried in vain.
    pub tries: u32,
}

/// The figures themselves. Read freely inside the writer; change only through [`Hot`].
#[derive(Debug, Default)]
pub struct Figures {
    /// Rows that could not be read at the start, and what was found in them.
    pub aside: Vec<Offence>,
    /// Projects by id.
    pub projects: BTreeMap<ProjectId, ProjectHot>,
    /// Workspaces by id.
    pub workspaces: BTreeMap<WorkspaceId, Workspace>,
    /// Agents by id.
    pub agents: BTreeMap<AgentId, Agent>,
    /// Accounts by id, with their limit windows.
    pub accounts: BTreeMap<AccountId, Account>,
    /// The model that each agent spoke to last, as far as it was heard of lately.
    pub models: BTreeMap<AgentId, String>,
    /// Limits of budgets that people set.
    pub budget_limits: Overrides,
    /// What was told last of each budget that is filling up.
    pub budget_told: BTreeMap<String, BudgetWarning>,
    /// True when blocks for a budget have to be looked at again. Not stored: a start of the server looks anyway.
    pub budgets_changed: bool,
    /// Tokens spent by the trees of the open runs, by the key of the root.
    pub trees: BTreeMap<i64, u64>,
    /// READY tasks whose tree's budget is reserved by its open runs, with the keys of the trees' roots: they are looked at again when one of these runs
    /// ends. Not stored: a start looks at them all again.
    pub tree_waits: BTreeMap<i64, i64>,
    /// Open runs by task key.
    pub runs: BTreeMap<i64, OpenRun>,
    /// Agents whose open run is starting or running.
    pub busy: BTreeMap<AgentId, i64>,
    /// Agents that can take work and have none.
    pub idle: BTreeSet<AgentId>,
    /// Workspaces that an open run holds.
    pub leased: BTreeMap<WorkspaceId, i64>,
    /// Branches that an open run works on, with the keys of their tasks. One run at a time works on a branch; only a run that was taken up to
    /// land its work may stand beside another.
    pub branches: BTreeMap<(ProjectId, String), BTreeSet<i64>>,
    /// Keys of the tasks with an open run, by name: reports name tasks.
    pub keys: BTreeMap<TaskId, i64>,
    /// When paused tasks go on, with their keys.
    pub timers: BTreeSet<(Timestamp, i64)>,
    /// True when an operator paused all scheduling.
    pub paused: bool,
    /// Why nothing may start although nobody paused it, by what found it: a full disk, for example.
    pub degraded: BTreeMap<&'static str, String>,
    /// Tasks that could not be moved for a reason of the server's own, by key. Not stored: a start tries them all again.
    pub held_up: BTreeMap<i64, HeldUp>,
    /// How often work landed in each project since this server started. Not stored.
    pub landings: BTreeMap<ProjectId, u64>,
    /// What was spent since this server started, by who spent it. Not stored: the ledger has it all.
    pub spent: BTreeMap<Spender, Spent>,
    /// Tasks in AWAITING_APPROVAL whose work would conflict with what has landed, with the files. Not stored: a start thinks it through again.
    pub clashes: BTreeMap<i64, Vec<String>>,
    /// Virtual time of start-time fair queueing.
    pub virtual_time: f64,
    /// The last task key given.
    pub last_key: i64,
    /// The last event number given.
    pub last_event: u64,
    /// The newest record of the audit log.
    pub audit: Place,
    /// The epoch of this server process.
    pub epoch: u64,
    /// Length of the rolling window, in milliseconds.
    pub span_ms: i64,
}

impl OpenRun {
    /// An open run as its row tells it, with the branch of its task; nothing else is known of it, and nothing is ordered.
    pub(super) fn of(run: &Run, root: i64, branch: Option<&str>) -> Self {
        Self {
            run: run.id.clone(),
            project: run.project.clone(),
            agent: run.agent.clone(),
            workspace: run.workspace.clone(),
            root,
            state: run.state,
            tokens: run.tokens.total(),
            reserved: run.reserved_tokens,
            since: run.started_at,
            branch: branch.unwrap_or_default().to_owned(),
            stopping: None,
            waits: false,
            conclude_due: false,
            landing_tries: 0,
            kept: false,
            reviewed_next: false,
            purpose: run.purpose,
        }
    }

    /// What it is still expected to spend, in tokens. What it has spent counts in the window already.
    const fn rest(&self) -> u64 {
        expected_rest(self.reserved, self.tokens)
    }
}

impl Figures {
    /// Brings everything that follows from a task's open run in line with a change of it.
    pub(super) fn lease(&mut self, key: i64, old: Option<&OpenRun>, new: Option<&OpenRun>) {
        if let Some(old) = old {
            // While one run concludes its agent may be at work on the next: only what is this task's own is given back.
            if self.busy.get(&old.agent) == Some(&key) {
                self.busy.remove(&old.agent);
                self.rest(&old.agent);
            }
            if self.leased.get(&old.workspace) == Some(&key) {
                self.leased.remove(&old.workspace);
                self.offer(&old.workspace);
            }
            self.keys.remove(&old.run.task);
            let branch = (old.project.clone(), old.branch.clone());
            if let Some(keys) = self.branches.get_mut(&branch) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.branches.remove(&branch);
                }
            }
            if let Some(project) = self.projects.get_mut(&old.project) {
                project.open_runs = project.open_runs.saturating_sub(1);
                project.in_flight = project.in_flight.saturating_sub(old.rest());
            }
        }
        if let Some(new) = new {
            if matches!(new.state, RunState::Starting | RunState::Running) {
                self.busy.insert(new.agent.clone(), key);
                self.rest(&new.agent);
            }
            self.leased.insert(new.workspace.clone(), key);
            self.offer(&new.workspace);
            self.keys.insert(new.run.task.clone(), key);
            if !new.branch.is_empty() {
                self.branches.entry((new.project.clone(), new.branch.clone())).or_default().insert(key);
            }
            if let Some(project) = self.projects.get_mut(&new.project) {
                project.open_runs += 1;
                project.in_flight = project.in_flight.saturating_add(new.rest());
            }
        }
    }

    /// Puts an agent among the idle ones, or takes it away, as it stands.
    fn rest(&mut self, id: &AgentId) {
        if self.agents.get(id).is_some_and(|agent| !agent.paused) && !self.busy.contains_key(id) {
            self.idle.insert(id.clone());
        } else {
            self.idle.remove(id);
        }
    }

    /// Adds, replaces or (`None`) removes an agent. Returns what was there.
    pub(super) fn seat(&mut self, id: &AgentId, agent: Option<Agent>) -> Option<Agent> {
        let old = match agent {
            Some(agent) => self.agents.insert(id.clone(), agent),
            None => self.agents.remove(id),
        };
        self.rest(id);
        old
    }

    /// Puts a workspace among the free ones of its project, or takes it away, as its lease says.
    fn offer(&mut self, id: &WorkspaceId) {
        let Some(workspace) = self.workspaces.get(id) else { return };
        let Some(project) = self.projects.get_mut(&workspace.project) else { return };
        let entry = (workspace.created_at, id.clone());
        if self.leased.contains_key(id) {
            project.free.remove(&entry);
        } else {
            project.free.insert(entry);
        }
    }

    /// Adds, replaces or (`None`) removes a workspace. Returns what was there.
    pub(super) fn place(&mut self, id: &WorkspaceId, workspace: Option<Workspace>) -> Option<Workspace> {
        let old = self.workspaces.remove(id);
        if let Some(old) = &old
            && let Some(project) = self.projects.get_mut(&old.project)
        {
            project.free.remove(&(old.created_at, id.clone()));
        }
        if let Some(workspace) = workspace {
            self.workspaces.insert(id.clone(), workspace);
            self.offer(id);
        }
        old
    }

    /// True while a task waits for its next try after it could not be moved.
    #[must_use]
    pub fn is_held_up(&self, key: i64, now: Timestamp) -> bool {
        self.held_up.get(&key).is_some_and(|held| held.until > now)
    }

    /// The open run that a report is about, with its task's key.
    #[must_use]
    pub fn open_run(&self, run: &RunRef) -> Option<(i64, &OpenRun)> {
        let key = *self.keys.get(&run.task)?;
        self.runs.get(&key).filter(|open| open.run == *run).map(|open| (key, open))
    }

    /// The task whose open run works on this branch; the first where there are several.
    #[must_use]
    pub fn working_on(&self, project: &ProjectId, branch: &str) -> Option<i64> {
        // The key of the map owns its parts; no branch is looked up for the tasks that have none, which are nearly all.
        self.branches.get(&(project.clone(), branch.to_owned())).and_then(|keys| keys.first().copied())
    }

    /// The workspace that an ended run is taken up again in: its own while no other run holds it, else a free one. `None`: all are in use.
    #[must_use]
    pub fn landing_workspace(&self, run: &Run) -> Option<WorkspaceId> {
        if self.workspaces.contains_key(&run.workspace) && !self.leased.contains_key(&run.workspace) {
            return Some(run.workspace.clone());
        }
        self.free_workspace(&run.project).map(|free| free.id.clone())
    }

    /// A workspace of the project that no run holds; the oldest first.
    #[must_use]
    pub fn free_workspace(&self, project: &ProjectId) -> Option<&Workspace> {
        self.projects.get(project)?.free.first().and_then(|(_, id)| self.workspaces.get(id))
    }
}

impl ProjectHot {
    /// True when the task is among the ready heads.
    #[must_use]
    pub fn is_in_line(&self, needs: Needs, priority: i32, key: i64) -> bool {
        self.ready.get(&needs).is_some_and(|lane| lane.contains(&(priority, key)))
    }

    pub(super) fn take_ready(&mut self, needs: Needs, priority: i32, key: i64) {
        if let Some(lane) = self.ready.get_mut(&needs) {
            lane.remove(&(priority, key));
            if lane.is_empty() {
                self.ready.remove(&needs);
            }
        }
    }

    /// `moved` tasks went from one status to another; `None`: they were not there before, or are not any more.
    pub(super) fn recount(&mut self, from: Option<TaskStatus>, to: Option<TaskStatus>, moved: u64) {
        if let Some(count) = from.and_then(|status| self.counts.get_mut(&status)) {
            *count = count.saturating_sub(moved);
        }
        if let Some(status) = to {
            *self.counts.entry(status).or_default() += moved;
        }
    }
}

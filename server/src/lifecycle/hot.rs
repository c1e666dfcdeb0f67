//! What hot decisions read: ready heads, open runs, window sums, counters. It changes only together with the database, and takes back what a
//! failed command did.
//!
//! It is rebuilt in one pass at start (`load`). Nothing here is the truth: every figure can be computed again from the rows.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::account::Account;
use aq_core::agent::Agent;
use aq_core::budget::BudgetWarning;
use aq_core::event::Event;
use aq_core::ids::{AccountId, AgentId, ProjectId, RunRef, WorkspaceId};
use aq_core::project::Project;
use aq_core::run::RunState;
use aq_core::runner_link::StopReason;
use aq_core::runtime::RuntimeKind;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_core::workspace::Workspace;

use super::spending::Overrides;
use super::usage::Usage;
use crate::store::State;

/// A project and what is known of its work.
#[derive(Clone, Debug)]
pub struct ProjectHot {
    /// The project.
    pub project: Project,
    /// READY tasks that may start, by required runtime: (priority, key), least first.
    pub ready: BTreeMap<Option<RuntimeKind>, BTreeSet<(i32, i64)>>,
    /// Tasks by status, archived and deleted ones left out.
    pub counts: BTreeMap<TaskStatus, u64>,
    /// Tokens and run endings within the rolling window.
    pub usage: Usage,
    /// Starts of other projects since this one's last start.
    pub passed_over: u32,
    /// The finish tag of its last start (start-time fair queueing).
    pub finish_tag: f64,
}

impl ProjectHot {
    pub(super) fn new(project: Project, span_ms: i64) -> Self {
        Self { project, ready: BTreeMap::new(), counts: BTreeMap::new(), usage: Usage::new(span_ms), passed_over: 0, finish_tag: 0.0 }
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
    /// True when a command took the run up again and the order to conclude it has yet to be given. Not stored: a start of the server orders
    /// every conclusion anyway.
    pub conclude_due: bool,
    /// True when the present conclusion was ordered to leave the work on its branch. Not stored, as above.
    pub kept: bool,
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
    /// Open runs by task key.
    pub runs: BTreeMap<i64, OpenRun>,
    /// Agents whose open run is starting or running.
    pub busy: BTreeMap<AgentId, i64>,
    /// Workspaces that an open run holds.
    pub leased: BTreeMap<WorkspaceId, i64>,
    /// Branches that an open run works on, with the keys of their tasks. One run at a time works on a branch; only a run that was taken up to
    /// land its work may stand beside another.
    pub branches: BTreeMap<(ProjectId, String), BTreeSet<i64>>,
    /// True when an operator paused all scheduling.
    pub paused: bool,
    /// Why nothing may start although nobody paused it, by what found it: a full disk, for example.
    pub degraded: BTreeMap<&'static str, String>,
    /// Tasks that could not be moved for a reason of the server's own, by key. Not stored: a start tries them all again.
    pub held_up: BTreeMap<i64, HeldUp>,
    /// Virtual time of start-time fair queueing.
    pub virtual_time: f64,
    /// The last task key given.
    pub last_key: i64,
    /// The last event number given.
    pub last_event: u64,
    /// The epoch of this server process.
    pub epoch: u64,
    /// Length of the rolling window, in milliseconds.
    pub span_ms: i64,
}

type Inverse = Box<dyn FnOnce(&mut Figures) + Send>;

/// The state beside the database.
#[derive(Default)]
pub struct Hot {
    figures: Figures,
    /// How to take back every change since the last durable commit, oldest first.
    inverses: Vec<Inverse>,
    /// Where the present command began in `inverses`.
    mark: usize,
}

impl std::ops::Deref for Hot {
    type Target = Figures;

    fn deref(&self) -> &Figures {
        &self.figures
    }
}

impl State for Hot {
    type Fact = Event;

    fn begin(&mut self) {
        self.mark = self.inverses.len();
    }

    fn undo(&mut self) {
        self.undo_to(self.mark);
    }

    fn place(&self) -> usize {
        self.inverses.len()
    }

    fn undo_to(&mut self, place: usize) {
        let undone: Vec<_> = self.inverses.drain(place..).collect();
        for inverse in undone.into_iter().rev() {
            inverse(&mut self.figures);
        }
    }

    fn keep(&mut self) {
        self.mark = self.inverses.len();
    }

    fn undo_batch(&mut self) {
        self.mark = 0;
        self.undo();
    }

    fn settle(&mut self) {
        self.inverses.clear();
        self.mark = 0;
    }
}

impl Hot {
    /// The state of a server that just started.
    #[must_use]
    pub fn new(figures: Figures) -> Self {
        Self { figures, inverses: Vec::new(), mark: 0 }
    }

    fn remember(&mut self, inverse: impl FnOnce(&mut Figures) + Send + 'static) {
        self.inverses.push(Box::new(inverse));
    }

    /// Sets one figure, remembering the old value.
    pub(super) fn set<T: Send + 'static>(&mut self, value: T, place: impl Fn(&mut Figures) -> &mut T + Send + 'static) {
        let old = std::mem::replace(place(&mut self.figures), value);
        self.remember(move |figures| *place(figures) = old);
    }

    /// Puts an entry into a map or removes it, remembering what was there.
    pub(super) fn put<K, V>(&mut self, key: K, value: Option<V>, place: impl Fn(&mut Figures) -> &mut BTreeMap<K, V> + Send + 'static)
    where
        K: Ord + Clone + Send + 'static,
        V: Send + 'static,
    {
        let map = place(&mut self.figures);
        let old = match value {
            Some(value) => map.insert(key.clone(), value),
            None => map.remove(&key),
        };
        self.remember(move |figures| {
            let map = place(figures);
            match old {
                Some(old) => map.insert(key, old),
                None => map.remove(&key),
            };
        });
    }

    /// The next task key.
    pub fn next_key(&mut self) -> i64 {
        let key = self.figures.last_key + 1;
        self.set(key, |figures| &mut figures.last_key);
        key
    }

    /// The next event number.
    pub fn next_event(&mut self) -> u64 {
        let seq = self.figures.last_event + 1;
        self.set(seq, |figures| &mut figures.last_event);
        seq
    }

    /// Pauses or resumes all scheduling.
    pub fn set_paused(&mut self, paused: bool) {
        self.set(paused, |figures| &mut figures.paused);
    }

    /// Stops starts because of the machine's condition, or (`None`) allows them again as far as `source` is concerned.
    pub fn set_degraded(&mut self, source: &'static str, reason: Option<String>) {
        self.put(source, reason, |figures| &mut figures.degraded);
    }

    /// Notes that a task cannot be moved for now, or (`None`) that it can.
    pub fn put_held_up(&mut self, key: i64, held: Option<HeldUp>) {
        if held.is_some() || self.figures.held_up.contains_key(&key) {
            self.put(key, held, |figures| &mut figures.held_up);
        }
    }

    /// Adds a project or replaces its fields; what is known of its work stays.
    pub fn put_project(&mut self, project: Project) {
        let id = project.id.clone();
        if let Some(state) = self.figures.projects.get_mut(&id) {
            let old = std::mem::replace(&mut state.project, project);
            self.remember(move |figures| {
                if let Some(state) = figures.projects.get_mut(&id) {
                    state.project = old;
                }
            });
        } else {
            self.put(id, Some(ProjectHot::new(project, self.figures.span_ms)), |figures| &mut figures.projects);
        }
    }

    /// Removes a project.
    pub fn remove_project(&mut self, id: &ProjectId) {
        self.put(id.clone(), None, |figures| &mut figures.projects);
    }

    /// Adds, replaces or (`None`) removes a workspace.
    pub fn put_workspace(&mut self, id: WorkspaceId, workspace: Option<Workspace>) {
        self.put(id, workspace, |figures| &mut figures.workspaces);
    }

    /// Adds, replaces or (`None`) removes an agent.
    pub fn put_agent(&mut self, id: AgentId, agent: Option<Agent>) {
        self.put(id, agent, |figures| &mut figures.agents);
    }

    /// Adds, replaces or (`None`) removes an account.
    pub fn put_account(&mut self, id: AccountId, account: Option<Account>) {
        self.put(id, account, |figures| &mut figures.accounts);
    }

    /// Says which model an agent speaks to.
    pub fn put_model(&mut self, agent: AgentId, model: String) {
        self.put(agent, Some(model), |figures| &mut figures.models);
    }

    /// Adds, replaces or (`None`) removes an open run, and with it the leases of its agent and workspace.
    pub fn put_run(&mut self, key: i64, run: Option<OpenRun>) {
        let old = self.figures.runs.get(&key).cloned();
        self.figures.lease(key, old.as_ref(), run.as_ref());
        let new = run.clone();
        let before = old.clone();
        match run {
            Some(run) => self.figures.runs.insert(key, run),
            None => self.figures.runs.remove(&key),
        };
        self.remember(move |figures| {
            figures.lease(key, new.as_ref(), before.as_ref());
            match old {
                Some(old) => figures.runs.insert(key, old),
                None => figures.runs.remove(&key),
            };
        });
    }

    /// Changes what is known of a project's work; `back` takes it back.
    pub(super) fn change_project(
        &mut self,
        id: &ProjectId,
        change: impl FnOnce(&mut ProjectHot),
        back: impl FnOnce(&mut ProjectHot) + Send + 'static,
    ) {
        let Some(state) = self.figures.projects.get_mut(id) else { return };
        change(state);
        let id = id.clone();
        self.remember(move |figures| {
            if let Some(state) = figures.projects.get_mut(&id) {
                back(state);
            }
        });
    }

    /// A task may start.
    pub fn add_ready(&mut self, project: &ProjectId, runtime: Option<RuntimeKind>, priority: i32, key: i64) {
        self.change_project(
            project,
            |state| {
                state.ready.entry(runtime).or_default().insert((priority, key));
            },
            move |state| state.take_ready(runtime, priority, key),
        );
    }

    /// A task may not start any more.
    pub fn remove_ready(&mut self, project: &ProjectId, runtime: Option<RuntimeKind>, priority: i32, key: i64) {
        let was = self
            .figures
            .projects
            .get(project)
            .is_some_and(|state| state.ready.get(&runtime).is_some_and(|lane| lane.contains(&(priority, key))));
        if !was {
            return;
        }
        self.change_project(
            project,
            |state| state.take_ready(runtime, priority, key),
            move |state| {
                state.ready.entry(runtime).or_default().insert((priority, key));
            },
        );
    }

    /// A task moved between statuses; `None` stands for outside (created, deleted, archived).
    pub fn count(&mut self, project: &ProjectId, from: Option<TaskStatus>, to: Option<TaskStatus>) {
        self.change_project(project, |state| state.recount(from, to), move |state| state.recount(to, from));
    }

    /// A project started something: its tag and the virtual time move on, the others were passed over once.
    pub fn note_start(&mut self, project: &ProjectId, start_tag: f64, finish_tag: f64) {
        self.set(start_tag, |figures| &mut figures.virtual_time);
        // The project itself belongs to them also when this was its last ready task.
        let concerned: Vec<_> = self
            .figures
            .projects
            .iter()
            .filter(|(id, state)| *id == project || !state.ready.is_empty())
            .map(|(id, _)| id.clone())
            .collect();
        for id in concerned {
            let Some(state) = self.figures.projects.get(&id) else { continue };
            let (passed_over, tag) = (state.passed_over, state.finish_tag);
            let (new_passed, new_tag) = if id == *project { (0, finish_tag) } else { (passed_over.saturating_add(1), tag) };
            self.change_project(
                &id,
                |state| (state.passed_over, state.finish_tag) = (new_passed, new_tag),
                move |state| (state.passed_over, state.finish_tag) = (passed_over, tag),
            );
        }
    }
}

impl Figures {
    /// True while a task waits for its next try after it could not be moved.
    #[must_use]
    pub fn is_held_up(&self, key: i64, now: Timestamp) -> bool {
        self.held_up.get(&key).is_some_and(|held| held.until > now)
    }

    pub(super) fn lease(&mut self, key: i64, old: Option<&OpenRun>, new: Option<&OpenRun>) {
        if let Some(old) = old {
            // While one run concludes its agent may be at work on the next: only what is this task's own is given back.
            if self.busy.get(&old.agent) == Some(&key) {
                self.busy.remove(&old.agent);
            }
            if self.leased.get(&old.workspace) == Some(&key) {
                self.leased.remove(&old.workspace);
            }
            let branch = (old.project.clone(), old.branch.clone());
            if let Some(keys) = self.branches.get_mut(&branch) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.branches.remove(&branch);
                }
            }
        }
        if let Some(new) = new {
            if matches!(new.state, RunState::Starting | RunState::Running) {
                self.busy.insert(new.agent.clone(), key);
            }
            self.leased.insert(new.workspace.clone(), key);
            if !new.branch.is_empty() {
                self.branches.entry((new.project.clone(), new.branch.clone())).or_default().insert(key);
            }
        }
    }

    /// The task whose open run works on this branch; the first where there are several.
    #[must_use]
    pub fn working_on(&self, project: &ProjectId, branch: &str) -> Option<i64> {
        // The key of the map owns its parts; no branch is looked up for the tasks that have none, which are nearly all.
        self.branches.get(&(project.clone(), branch.to_owned())).and_then(|keys| keys.first().copied())
    }

    /// How many of a project's workspaces no run holds.
    #[must_use]
    pub fn free_workspaces(&self, project: &ProjectId) -> u32 {
        let free = self.workspaces.values().filter(|workspace| workspace.project == *project && !self.leased.contains_key(&workspace.id));
        u32::try_from(free.count()).unwrap_or(u32::MAX)
    }

    /// A workspace of the project that no run holds; the oldest first.
    #[must_use]
    pub fn free_workspace(&self, project: &ProjectId) -> Option<&Workspace> {
        self.workspaces
            .values()
            .filter(|workspace| workspace.project == *project && !self.leased.contains_key(&workspace.id))
            .min_by_key(|workspace| (workspace.created_at, workspace.id.clone()))
    }
}

impl ProjectHot {
    pub(super) fn take_ready(&mut self, runtime: Option<RuntimeKind>, priority: i32, key: i64) {
        if let Some(lane) = self.ready.get_mut(&runtime) {
            lane.remove(&(priority, key));
            if lane.is_empty() {
                self.ready.remove(&runtime);
            }
        }
    }

    fn recount(&mut self, from: Option<TaskStatus>, to: Option<TaskStatus>) {
        if let Some(count) = from.and_then(|status| self.counts.get_mut(&status)) {
            *count = count.saturating_sub(1);
        }
        if let Some(status) = to {
            *self.counts.entry(status).or_default() += 1;
        }
    }
}

//! What hot decisions read: ready heads, open runs, window sums, counters. It changes only together with the database, and takes back what a
//! failed command did.
//!
//! It is rebuilt in one pass at start (`load`). Nothing here is the truth: every figure can be computed again from the rows.

use std::collections::BTreeMap;
use std::ops::RangeFrom;

use aq_core::account::Account;
use aq_core::agent::Agent;
use aq_core::audit::Place;
use aq_core::event::Event;
use aq_core::ids::{AccountId, AgentId, ProjectId, WorkspaceId};
use aq_core::names::SeenIds;
use aq_core::output::TokenUsage;
use aq_core::project::Project;
use aq_core::time::Timestamp;
use aq_core::workspace::Workspace;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::chance::Chance;
use super::figures::{Figures, HeldUp, OpenRun, ProjectHot, Spender, Spent};
use super::held::HeldRows;
use crate::store::State;

type Inverse = Box<dyn FnOnce(&mut Figures) + Send + Sync>;

/// The state beside the database.
pub struct Hot {
    figures: Figures,
    /// How to take back every change since the last durable commit, oldest first.
    inverses: Vec<Inverse>,
    /// Where the present command began in `inverses`.
    mark: usize,
    /// Let go of when a command is taken back.
    held: HeldRows,
    /// Not taken back with a command: at worst an id that it found taken, because its neighbour had just taken it, is left out until a restart.
    seen_ids: SeenIds,
    chance: Chance,
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
        self.chance.begin();
        self.mark = self.inverses.len();
    }

    fn undo(&mut self) {
        self.chance.undo();
        self.undo_to(self.mark);
    }

    fn place(&self) -> usize {
        self.inverses.len()
    }

    fn undo_to(&mut self, place: usize) {
        self.held.clear();
        let undone: Vec<_> = self.inverses.drain(place..).collect();
        for inverse in undone.into_iter().rev() {
            inverse(&mut self.figures);
        }
    }

    fn keep(&mut self) {
        self.mark = self.inverses.len();
    }

    fn undo_batch(&mut self) {
        self.chance.undo_batch();
        self.mark = 0;
        self.undo_to(0);
    }

    fn settle(&mut self) {
        self.chance.settle();
        self.inverses.clear();
        self.mark = 0;
    }
}

impl Hot {
    /// The state of a server that just started.
    #[must_use]
    pub fn new(figures: Figures) -> Self {
        Self::drawing_from(figures, StdRng::from_os_rng())
    }

    /// The same, with the source of everything that its commands draw by chance: with the same one, the same commands give the same rows.
    #[must_use]
    pub fn drawing_from(figures: Figures, chance: StdRng) -> Self {
        Self {
            figures,
            inverses: Vec::new(),
            mark: 0,
            held: HeldRows::default(),
            seen_ids: SeenIds::default(),
            chance: Chance::new(chance),
        }
    }

    /// What a command draws from: names, session ids, the spread of retries. Secrets are never drawn from it.
    pub(crate) fn chance(&mut self) -> &mut StdRng {
        self.chance.source()
    }

    /// The ids of tasks that were found to be taken, and what a new one is drawn from.
    pub(super) fn seen_ids(&mut self) -> (&mut SeenIds, &mut StdRng) {
        (&mut self.seen_ids, self.chance.source())
    }

    /// The rows that are held for the next report of their run.
    pub(super) fn held(&mut self) -> &mut HeldRows {
        &mut self.held
    }

    fn remember(&mut self, inverse: impl FnOnce(&mut Figures) + Send + Sync + 'static) {
        self.inverses.push(Box::new(inverse));
    }

    /// Sets one figure, remembering the old value.
    pub(super) fn set<T: Send + Sync + 'static>(&mut self, value: T, place: impl Fn(&mut Figures) -> &mut T + Send + Sync + 'static) {
        let old = std::mem::replace(place(&mut self.figures), value);
        self.remember(move |figures| *place(figures) = old);
    }

    /// Puts an entry into a map or removes it, remembering what was there.
    pub(super) fn put<K, V>(
        &mut self,
        key: K,
        value: Option<V>,
        place: impl Fn(&mut Figures) -> &mut BTreeMap<K, V> + Send + Sync + 'static,
    ) where
        K: Ord + Clone + Send + Sync + 'static,
        V: Send + Sync + 'static,
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

    /// The numbers of the next `count` events.
    pub fn next_events(&mut self, count: usize) -> RangeFrom<u64> {
        let first = self.figures.last_event + 1;
        self.set(self.figures.last_event + u64::try_from(count).unwrap_or_default(), |figures| &mut figures.last_event);
        first..
    }

    /// Says which record of the audit log is the newest.
    pub(super) fn set_audit(&mut self, newest: Place) {
        self.set(newest, |figures| &mut figures.audit);
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

    /// Notes that a task waits for the open runs of its tree, or (`None`) that it does not any more.
    pub fn put_tree_wait(&mut self, key: i64, root: Option<i64>) {
        if root.is_some() || self.figures.tree_waits.contains_key(&key) {
            self.put(key, root, |figures| &mut figures.tree_waits);
        }
    }

    /// Lets every task be looked at again that waits for the runs of a tree; of all trees for `None`.
    pub fn end_tree_waits(&mut self, root: Option<i64>) {
        let waiting = self.figures.tree_waits.iter().filter(|(_, of)| root.is_none_or(|root| **of == root));
        for key in waiting.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.put_tree_wait(key, None);
        }
    }

    /// Work landed in a project.
    pub fn note_landing(&mut self, project: &ProjectId) {
        let landed = self.figures.landings.get(project).copied().unwrap_or(0).saturating_add(1);
        self.put(project.clone(), Some(landed), |figures| &mut figures.landings);
    }

    /// Counts what was spent, for whoever watches.
    pub(super) fn add_spent(&mut self, agent: &AgentId, model: &str, tokens: TokenUsage, cost_micros: Option<u64>) {
        let who = Spender { agent: agent.clone(), model: model.to_owned() };
        let before = self.figures.spent.get(&who).copied().unwrap_or_default();
        let cost_micros = before.cost_micros.saturating_add(cost_micros.unwrap_or(0));
        self.put(who, Some(Spent { tokens: before.tokens.plus(tokens), cost_micros }), |figures| &mut figures.spent);
    }

    /// Says in which files a task's work would conflict, or (`None`) that it would not, or waits no more.
    pub fn put_clash(&mut self, key: i64, files: Option<Vec<String>>) {
        if files.is_some() || self.figures.clashes.contains_key(&key) {
            self.put(key, files, |figures| &mut figures.clashes);
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
        let old = self.figures.place(&id, workspace);
        self.remember(move |figures| drop(figures.place(&id, old)));
    }

    /// Adds, replaces or (`None`) removes an agent.
    pub fn put_agent(&mut self, id: AgentId, agent: Option<Agent>) {
        let old = self.figures.seat(&id, agent);
        self.remember(move |figures| drop(figures.seat(&id, old)));
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
        back: impl FnOnce(&mut ProjectHot) + Send + Sync + 'static,
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

    /// A paused task goes on at `at`.
    pub fn add_timer(&mut self, at: Timestamp, key: i64) {
        if self.figures.timers.insert((at, key)) {
            self.remember(move |figures| {
                figures.timers.remove(&(at, key));
            });
        }
    }

    /// A task no longer waits for `at`.
    pub fn remove_timer(&mut self, at: Timestamp, key: i64) {
        if self.figures.timers.remove(&(at, key)) {
            self.remember(move |figures| {
                figures.timers.insert((at, key));
            });
        }
    }
}

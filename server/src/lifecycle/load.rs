//! Building the hot state from the rows, in one pass at start. Nothing is changed.

use std::collections::BTreeMap;

use aq_core::ids::{AccountId, AgentId, ProjectId};
use aq_core::run::{RunPurpose, RunState};
use aq_core::runner_link::StopReason;
use aq_core::task::{Needs, TaskStatus};
use aq_core::time::Timestamp;
use aq_core::window::RollingSum;

use super::figures::{Figures, OpenRun, ProjectHot};
use crate::store::invariants::Offence;
use crate::store::{
    Connection, HeldRun, StoreError, accounts, agents, chains, events, ledger, projects, runs, set_aside, settings, task_figures,
    task_trees, tasks, workspaces,
};

/// The setting that keeps the global pause.
pub const PAUSED: &str = "scheduling.paused";

/// The setting that counts the starts of servers on this data.
pub const EPOCH: &str = "server.epoch";

/// Reads everything that hot decisions need. Blocking.
///
/// # Errors
/// When the rows cannot be read.
pub fn load(db: &mut Connection, now: Timestamp, span_ms: i64) -> Result<Figures, StoreError> {
    let mut figures = Figures {
        span_ms,
        paused: settings::get(db, PAUSED)?.is_some_and(|value| value == "true"),
        epoch: settings::get(db, EPOCH)?.and_then(|value| value.parse().ok()).unwrap_or(0),
        last_key: task_figures::last_key(db)?,
        audit: super::audit::load(db)?,
        last_event: events::range(db)?.map_or(0, |(_, last)| last),
        timers: task_figures::timers(db)?.into_iter().collect(),
        ..Figures::default()
    };
    let found = projects::readable(db)?;
    figures.aside.extend(found.aside);
    for project in found.rows {
        figures.projects.insert(project.id.clone(), ProjectHot::new(project, span_ms));
    }
    let found = workspaces::readable(db)?;
    figures.aside.extend(found.aside);
    for workspace in found.rows {
        figures.place(&workspace.id.clone(), Some(workspace));
    }
    let found = accounts::readable(db)?;
    figures.aside.extend(found.aside);
    for account in found.rows {
        figures.accounts.insert(account.id.clone(), account);
    }
    let found = agents::readable(db)?;
    figures.aside.extend(found.aside);
    for mut agent in found.rows {
        // Nobody knows what may be drawn from an account that is not there.
        if let Some(account) = agent.account.as_ref().filter(|account| !figures.accounts.contains_key(account)) {
            let message = format!("takes no tasks: its account {account} is set aside");
            figures.aside.push(Offence { subject: format!("agent {}", agent.id), message });
            agent.paused = true;
        }
        figures.seat(&agent.id.clone(), Some(agent));
    }
    let (found, mut held) = runs::readable_open(db)?;
    figures.aside.extend(found.aside);
    for record in found.rows {
        let run = record.run;
        let task = tasks::by_key(db, record.task_key);
        let Some(task) = set_aside(&mut figures.aside, || format!("task {} (key {})", run.id.task, record.task_key), task)? else {
            held.push(HeldRun {
                task_key: record.task_key,
                id: run.id,
                project: run.project,
                agent: run.agent,
                workspace: run.workspace,
                started_at: run.started_at,
            });
            continue;
        };
        let left_behind = !task.task.status.is_live() || task.task.run_number != run.id.number;
        let root = if task.parent_key.is_some() { task_trees::root(db, record.task_key)? } else { record.task_key };
        let stopping = left_behind.then_some(StopReason::Operator);
        let waits = task.task.status == TaskStatus::WaitingInput;
        let open = OpenRun { stopping, waits, ..OpenRun::of(&run, root, task.task.branch.as_deref()) };
        figures.adopt(record.task_key, open);
    }
    for run in held {
        figures.adopt(run.task_key, kept_aside(run));
    }
    for (project, status, count) in task_figures::counts(db)? {
        let Some(state) = figures.projects.get_mut(&ProjectId::from_trusted(&project)) else { continue };
        let Some(status) = TaskStatus::parse(&status) else {
            figures.aside.push(Offence {
                subject: format!("project {project}"),
                message: format!("has {count} tasks whose status `{status}` is none"),
            });
            continue;
        };
        state.counts.insert(status, u64::try_from(count).unwrap_or(0));
    }
    load_ready(db, &mut figures)?;
    load_usage(db, &mut figures, RollingSum::needed_from(now, span_ms))?;
    load_accounts(db, &mut figures, now.plus_millis(-span_ms))?;
    super::spending::load(db, &mut figures)?;
    Ok(figures)
}

/// What was spent within the present cycle of each window, and which model each agent speaks to.
fn load_accounts(db: &mut Connection, figures: &mut Figures, since: Timestamp) -> Result<(), StoreError> {
    for account in figures.accounts.values_mut() {
        for window in &mut account.windows {
            let spent = ledger::of_account(db, &account.id, window.meter.base_at)?;
            window.meter.spent = spent.iter().filter(|(model, _)| window.covers(model)).map(|(_, tokens)| *tokens).sum();
        }
    }
    for (agent, model, _) in ledger::models(db, since)? {
        if !model.is_empty() {
            figures.models.insert(AgentId::from_trusted(&agent), model);
        }
    }
    Ok(())
}

/// READY tasks of a project by what they ask of their agent: (priority, key), in order.
type Lanes = BTreeMap<Needs, Vec<(i32, i64)>>;

fn load_ready(db: &mut Connection, figures: &mut Figures) -> Result<(), StoreError> {
    let mut aside = Vec::new();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    // Rows come project by project and in order: each list is made once, and in one piece.
    let mut list: Option<(String, Lanes)> = None;
    task_figures::each_ready(db, &mut |(key, project, needs, priority)| {
        match counts.get_mut(&project) {
            Some(count) => *count += 1,
            None => drop(counts.insert(project.clone(), 1)),
        }
        if figures.runs.contains_key(&key) {
            return;
        }
        let Some(lane) = Needs::parse(&needs) else {
            let error = StoreError::Corrupt { column: "tasks.needs", found: needs };
            aside.push(Offence { subject: format!("task with key {key}"), message: format!("is set aside: {error}") });
            return;
        };
        if list.as_ref().is_none_or(|(of, _)| *of != project)
            && let Some((of, lanes)) = list.replace((project, BTreeMap::new()))
        {
            put_ready(figures, &of, lanes);
        }
        if let Some((_, lanes)) = &mut list {
            lanes.entry(lane).or_default().push((priority, key));
        }
    })?;
    if let Some((of, lanes)) = list {
        put_ready(figures, &of, lanes);
    }
    for (project, count) in counts {
        if let Some(state) = figures.projects.get_mut(&ProjectId::from_trusted(&project)) {
            state.counts.insert(TaskStatus::Ready, count);
        }
    }
    // A task whose branch another run works on is no head: few branches, and few tasks on each.
    let busy: Vec<_> = figures.branches.keys().cloned().collect();
    for (project, branch) in busy {
        for held in chains::ready_on_branch(db, &project, &branch)? {
            if let Some(state) = figures.projects.get_mut(&project) {
                state.take_ready(held.needs, held.priority, held.key);
            }
        }
    }
    figures.aside.extend(aside);
    Ok(())
}

/// A run that cannot be read, or whose task cannot: its agent and its workspace stay taken, and nothing is done with it.
fn kept_aside(run: HeldRun) -> OpenRun {
    OpenRun {
        project: run.project,
        agent: run.agent,
        workspace: run.workspace,
        root: run.task_key,
        state: RunState::Running,
        tokens: 0,
        reserved: 0,
        since: run.started_at,
        branch: String::new(),
        run: run.id,
        stopping: None,
        waits: false,
        conclude_due: false,
        landing_tries: 0,
        kept: false,
        reviewed_next: false,
        purpose: RunPurpose::Work,
    }
}

fn put_ready(figures: &mut Figures, project: &str, lanes: Lanes) {
    let Some(state) = figures.projects.get_mut(&ProjectId::from_trusted(project)) else { return };
    state.ready = lanes.into_iter().map(|(lane, heads)| (lane, heads.into_iter().collect())).collect();
}

fn load_usage(db: &mut Connection, figures: &mut Figures, since: Timestamp) -> Result<(), StoreError> {
    for (project, at, tokens) in ledger::since(db, since)? {
        if let Some(state) = figures.projects.get_mut(&ProjectId::from_trusted(&project)) {
            state.usage.tokens.add(Timestamp::from_millis(at), tokens);
        }
    }
    for (project, at, result, tokens) in runs::ended_since(db, since)? {
        let Some(state) = figures.projects.get_mut(&ProjectId::from_trusted(&project)) else { continue };
        if tokens > 0 {
            state.usage.run_cost(tokens);
        }
        if let Some(sum) = state.usage.ended(result) {
            sum.add(at, 1);
        }
    }
    Ok(())
}

impl Figures {
    fn adopt(&mut self, key: i64, run: OpenRun) {
        self.lease(key, None, Some(&run));
        self.runs.insert(key, run);
    }

    /// The account of an agent, when it draws from one.
    #[must_use]
    pub fn account_of(&self, agent: &AgentId) -> Option<&AccountId> {
        self.agents.get(agent).and_then(|agent| agent.account.as_ref())
    }
}

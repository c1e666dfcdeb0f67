//! Orders for the runner, made from what is stored. The same rows give the same order, so that a restarted server asks for the same thing.

use aq_core::account::Account;
use aq_core::ids::WorkspaceId;
use aq_core::project::Project;
use aq_core::run::Run;
use aq_core::runner_link::{ConcludeRun, LandMode, PlanSearch, RunnerOrder, SessionOrder, StartRun, WorkspaceOrder, WorkspaceSource};
use aq_core::task::{Task, TaskStatus, TaskType, VerificationType, land_mode, run_limits};
use aq_core::workspace::WorkspaceKind;

use super::credentials::CredentialError;
use super::own_key::Issued;
use super::pending;
use super::policy::Policy;
use super::prompt::{self, Upstream};
use crate::forges::{RepositoryName, repository_of};
use crate::lifecycle::{Figures, OpenRun, Tx};
use crate::store::{Connection, StoreError, TaskRecord, attachments, chains, dependencies, runs, tasks};

fn workspace(figures: &Figures, task: &TaskRecord, id: &WorkspaceId) -> Option<WorkspaceOrder> {
    let project = &figures.projects.get(&task.task.project)?.project;
    let workspace = figures.workspaces.get(id)?;
    let path = workspace.path.clone();
    Some(WorkspaceOrder {
        id: id.clone(),
        source: match workspace.kind {
            WorkspaceKind::Clone => WorkspaceSource::Clone { url: project.repo_url.clone() },
            WorkspaceKind::Link => WorkspaceSource::Link { path },
            WorkspaceKind::Init => WorkspaceSource::Init { path },
        },
        default_branch: project.default_branch.clone(),
        branch: task.task.branch.clone()?,
    })
}

/// The order to conclude a run, and a note whether it leaves the work on its branch; `None` when its workspace or project is gone.
///
/// # Errors
/// When the other steps on the branch cannot be read.
pub(super) fn conclude(tx: &mut Tx<'_>, policy: &Policy, task: &TaskRecord, run: &Run) -> Result<Option<RunnerOrder>, StoreError> {
    let awaits = awaits_approval(task, run);
    let land = match land_mode(&task.task, unfinished_steps(tx.db, task)?) {
        LandMode::KeepBranch | LandMode::Merge if awaits && forge_repository(tx.state, policy, task, run).is_some() => LandMode::Publish,
        LandMode::Merge if awaits => LandMode::KeepBranch,
        other => other,
    };
    if let Some(open) = tx.state.runs.get(&task.key).filter(|open| open.run == run.id) {
        let open = OpenRun { conclude_due: false, kept: land == LandMode::KeepBranch && !awaits, ..open.clone() };
        tx.state.put_run(task.key, Some(open));
    }
    Ok(conclusion(tx.state, policy, task, run, land))
}

/// True when finished work of the run waits for a person before it lands. Work that a person verifies was approved when its run, whose work was
/// kept and so has a commit, concludes again.
pub(super) fn awaits_approval(task: &TaskRecord, run: &Run) -> bool {
    task.task.requires_approval || (task.task.verification == VerificationType::Human && run.commit.is_empty())
}

/// The repository in which a pull request is opened for the task; `None`: it is approved without a forge.
pub(super) fn forge_repository(figures: &Figures, policy: &Policy, task: &TaskRecord, run: &Run) -> Option<RepositoryName> {
    let space = figures.workspaces.get(&run.workspace)?;
    let url = &figures.projects.get(&task.task.project)?.project.repo_url;
    let name = repository_of(url).filter(|_| space.kind == WorkspaceKind::Clone)?;
    policy.forge_hosts.contains(&name.host).then_some(name)
}

/// How many other steps of plans on this task's branch are not COMPLETED; 0 for a task that is no step (F-083).
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn unfinished_steps(db: &mut Connection, task: &TaskRecord) -> Result<usize, StoreError> {
    if !task.task.is_plan_subtask {
        return Ok(0);
    }
    Ok(chains::steps(db, task)?.iter().filter(|step| step.key != task.key && !step.task.status.satisfies_dependents()).count())
}

fn conclusion(figures: &Figures, policy: &Policy, task: &TaskRecord, run: &Run, land: LandMode) -> Option<RunnerOrder> {
    let project = &figures.projects.get(&task.task.project)?.project;
    let commands = if task.task.test_commands.is_empty() { &project.test_commands } else { &task.task.test_commands };
    let verify = if task.task.verification == VerificationType::AutoTest { commands.clone() } else { Vec::new() };
    Some(RunnerOrder::Conclude(Box::new(ConcludeRun {
        run: run.id.clone(),
        epoch: figures.epoch,
        project: task.task.project.clone(),
        workspace: workspace(figures, task, &run.workspace)?,
        title: task.task.title.clone(),
        verify,
        land,
        plan: plan_search(policy, &task.task),
        limits: policy.verify_limits,
    })))
}

/// Plans are looked for after the work of every task that may plan; anywhere only when planning was the task.
fn plan_search(policy: &Policy, task: &Task) -> Option<PlanSearch> {
    let may_plan = policy.plans.enabled && (!task.is_plan_subtask || policy.plans.max_depth > 1);
    may_plan.then(|| PlanSearch { patterns: policy.plans.patterns.clone(), anywhere: task.task_type == Some(TaskType::Plan) })
}

/// A run to start, but for its prompt: that needs rows which are read where they do not hold up the writer.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The task.
    pub task: TaskRecord,
    /// Its project.
    pub project: Project,
    /// The account its agent draws from.
    pub account: Option<Account>,
    /// The order, with an empty prompt.
    pub order: StartRun,
}

impl Draft {
    /// Hands the agent its own key.
    pub(super) fn with_key(mut self, issued: Option<Issued>) -> Self {
        if let Some(Issued { variables, key }) = issued {
            self.order.profile.env.extend(variables);
            self.order.secrets.push(key);
        }
        self
    }
}

/// Why a start cannot be ordered.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// Rows cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account's key cannot be handed over.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

/// Drafts the start of a run; `None` when its agent, workspace or project is gone.
#[must_use]
pub(super) fn draft(figures: &Figures, policy: &Policy, task: &TaskRecord, run: &Run, session: SessionOrder) -> Option<Draft> {
    let project = &figures.projects.get(&task.task.project)?.project;
    let agent = figures.agents.get(&run.agent)?;
    let account = agent.account.as_ref().and_then(|id| figures.accounts.get(id));
    let login_dir = account.map_or("", |account| account.login_dir.as_str());
    let mut profile = policy.profile(run.runtime, &agent.profile, login_dir);
    if let Some(model) = &task.task.model {
        profile.model.clone_from(model);
    }
    Some(Draft {
        task: task.clone(),
        project: project.clone(),
        account: account.cloned(),
        order: StartRun {
            run: run.id.clone(),
            epoch: figures.epoch,
            project: project.id.clone(),
            agent: agent.id.clone(),
            runtime: run.runtime,
            title: task.task.title.clone(),
            prompt: String::new(),
            workspace: workspace(figures, task, &run.workspace)?,
            session,
            profile,
            limits: run_limits(policy.run_limits, project.limits, task.task.limits),
            secrets: policy.secrets.clone(),
        },
    })
}

/// Completes a draft: reads attachments, the results of the direct dependencies and the last failure, and writes the prompt. Blocking.
///
/// # Errors
/// When the rows or the account's key cannot be read.
pub(super) fn complete(db: &mut Connection, policy: &Policy, draft: Draft) -> Result<StartRun, OrderError> {
    let Draft { mut task, project, account, mut order } = draft;
    if let Some((variable, key)) = account.map(|account| policy.credentials.of(&account, order.runtime)).transpose()?.flatten() {
        order.secrets.push(key.clone());
        order.profile.env.insert(variable, key);
    }
    task.task.attachments = attachments::of_task(db, task.key)?;
    let waited_for = dependencies::upstream(db, task.key)?;
    let mut upstream = Vec::new();
    for record in tasks::by_keys(db, &waited_for)? {
        let result = runs::of_task(db, record.key)?.into_iter().rev().find(|run| run.run.end.is_some());
        if let Some(run) = result.filter(|_| record.task.status == TaskStatus::Completed) {
            upstream.push(Upstream {
                task: record.task.id.clone(),
                title: record.task.title.clone(),
                summary: run.run.summary,
                files_changed: run.run.files_changed,
            });
        }
    }
    upstream.sort_by(|a, b| a.task.cmp(&b.task));
    // The agent is told why the last try failed, so that it does not repeat it.
    let last = if task.task.run_number > 1 { runs::get(db, task.key, task.task.run_number - 1)? } else { None };
    let failure = last.and_then(|run| run.run.end).filter(|end| end.class.is_some()).map(|end| end.message);
    order.prompt = prompt::assemble(&task.task, &project, &order.workspace, &upstream, failure.as_deref());
    let resumed = matches!(order.session, SessionOrder::Resume { .. });
    order.prompt.push_str(&pending::said(db, task.key, order.run.number, resumed)?);
    Ok(order)
}

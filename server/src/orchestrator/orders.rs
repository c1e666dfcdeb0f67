//! Orders for the runner, made from what is stored. The same rows give the same order, so that a restarted server asks for the same thing.

use aq_core::account::Account;
use aq_core::ids::WorkspaceId;
use aq_core::output::FailureClass;
use aq_core::profile::takes_servers;
use aq_core::project::Project;
use aq_core::run::{Run, RunEnd, RunPurpose, RunResult};
use aq_core::runner_link::{ConcludeRun, LandMode, PlanSearch, RunnerOrder, SessionOrder, StartRun, WorkspaceOrder};
use aq_core::task::{Task, TaskStatus, TaskType, VerificationType, is_agents_fault, land_mode, run_limits};
use aq_core::workspace::WorkspaceKind;

use super::credentials::CredentialError;
use super::own_key::Issued;
use super::pending;
use super::policy::Policy;
use super::prompt::{self, Upstream};
use super::review_prompt;
use super::reviews;
use crate::forges::{RepositoryName, repository_of};
use crate::lifecycle::{Figures, OpenRun, Tx};
use crate::store::{Connection, RunRecord, StoreError, TaskRecord, attachments, chains, dependencies, runs, tasks};

/// Where a task works, with its branch.
pub(super) fn workspace(figures: &Figures, task: &TaskRecord, id: &WorkspaceId) -> Option<WorkspaceOrder> {
    let project = &figures.projects.get(&task.task.project)?.project;
    let workspace = figures.workspaces.get(id)?;
    Some(WorkspaceOrder {
        id: id.clone(),
        source: workspace.source(&project.repo_url),
        default_branch: project.default_branch.clone(),
        branch: task.task.branch.clone()?,
    })
}

/// The order to conclude a run, and a note whether it leaves the work on its branch; `None` when its workspace or project is gone.
///
/// # Errors
/// When the other steps on the branch, or the work that a review looked at, cannot be read.
pub(super) fn conclude(tx: &mut Tx<'_>, policy: &Policy, task: &TaskRecord, run: &Run) -> Result<Option<RunnerOrder>, StoreError> {
    // Work that a command took up again was decided upon by a person: it is landed, not reviewed once more.
    let taken_up = tx.state.runs.get(&task.key).is_some_and(|open| open.run == run.id && open.conclude_due);
    let review = reviews::comes_next(task, run) && !taken_up;
    let awaits = !review && awaits_approval(task, run);
    // A task that moved on before its conclusion was ordered: what there is stays on its branch, and nobody waits for checks.
    let moved_on = task.task.status != TaskStatus::Verifying;
    let land = match land_mode(&task.task, unfinished_steps(tx.db, task)?) {
        _ if moved_on => LandMode::KeepBranch,
        _ if review => LandMode::KeepBranch,
        LandMode::KeepBranch | LandMode::Merge if awaits && forge_repository(tx.state, policy, task, run).is_some() => LandMode::Publish,
        LandMode::Merge if awaits => LandMode::KeepBranch,
        other => other,
    };
    if let Some(open) = tx.state.runs.get(&task.key).filter(|open| open.run == run.id) {
        let kept = land == LandMode::KeepBranch && !awaits && !review;
        let open = OpenRun { conclude_due: false, kept, reviewed_next: review, ..open.clone() };
        tx.state.put_run(task.key, Some(open));
    }
    let reviewed = reviews::looked_at(tx.db, task, run)?;
    Ok(conclusion(tx.state, policy, task, run, land, reviewed))
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

fn conclusion(
    figures: &Figures,
    policy: &Policy,
    task: &TaskRecord,
    run: &Run,
    land: LandMode,
    reviewed: Option<String>,
) -> Option<RunnerOrder> {
    let project = &figures.projects.get(&task.task.project)?.project;
    let commands = if task.task.test_commands.is_empty() { &project.test_commands } else { &task.task.test_commands };
    let unchecked = task.task.verification == VerificationType::None || task.task.status != TaskStatus::Verifying;
    let verify = if unchecked { Vec::new() } else { commands.clone() };
    Some(RunnerOrder::Conclude(Box::new(ConcludeRun {
        run: run.id.clone(),
        epoch: figures.epoch,
        project: task.task.project.clone(),
        workspace: workspace(figures, task, &run.workspace)?,
        title: task.task.title.clone(),
        verify,
        land,
        plan: plan_search(policy, &task.task).filter(|_| run.purpose == RunPurpose::Work),
        reviewed,
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
    /// What the run is for.
    pub purpose: RunPurpose,
    /// The order, with an empty prompt.
    pub order: StartRun,
}

impl Draft {
    /// Says whether the run before only looked: what it left in the directory goes aside.
    pub(super) fn afresh(mut self, afresh: bool) -> Self {
        self.order.afresh = afresh || self.purpose == RunPurpose::Review;
        self
    }

    /// Hands the agent its own key, and the tools that it opens.
    pub(super) fn with_key(mut self, issued: Option<Issued>) -> Self {
        if let Some(Issued { variables, key, server }) = issued {
            let profile = &mut self.order.profile;
            profile.env.extend(variables);
            let wanted =
                server.filter(|server| takes_servers(self.order.runtime) && !profile.mcp_servers.iter().any(|own| own.name == server.name));
            profile.mcp_servers.extend(wanted);
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
    // A model is named in the words of one runtime, and a reviewer that the project names brings its own.
    let own = task.task.runtime.is_none_or(|needed| needed == run.runtime);
    let named = run.purpose == RunPurpose::Review && (project.reviewer.is_some() || project.reviewer_runtime.is_some());
    if let Some(model) = task.task.model.as_ref().filter(|_| own && !named) {
        profile.model.clone_from(model);
    }
    Some(Draft {
        task: task.clone(),
        project: project.clone(),
        account: account.cloned(),
        purpose: run.purpose,
        order: StartRun {
            run: run.id.clone(),
            epoch: figures.epoch,
            project: project.id.clone(),
            agent: agent.id.clone(),
            runtime: run.runtime,
            title: task.task.title.clone(),
            prompt: String::new(),
            workspace: workspace(figures, task, &run.workspace)?,
            afresh: false,
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
    let Draft { mut task, project, account, purpose, mut order } = draft;
    if let Some((variable, key)) = account.map(|account| policy.credentials.of(&account, order.runtime)).transpose()?.flatten() {
        order.secrets.push(key.clone());
        order.profile.env.insert(variable, key);
    }
    task.task.attachments = attachments::of_task(db, task.key)?;
    let mut earlier = runs::of_task(db, task.key)?;
    earlier.retain(|run| run.run.id.number < order.run.number);
    // The agent is told why the last try failed, so that it does not repeat it.
    let failure = last_failure(&earlier, purpose);
    order.prompt = match purpose {
        RunPurpose::Work => prompt::assemble(&task.task, &project, &order.workspace, &upstream(db, &task)?, failure),
        RunPurpose::Review => review_prompt::assemble(&task.task, &project, &order.workspace, &work_of(&earlier), failure),
    };
    let resumed = matches!(order.session, SessionOrder::Resume { .. });
    order.prompt.push_str(&pending::said(db, task.key, order.run.number, resumed)?);
    Ok(order)
}

/// What went wrong in the last try, over runs that were only interrupted or that their agents could not do. A reviewer is told only of reviews that failed.
fn last_failure(earlier: &[RunRecord], purpose: RunPurpose) -> Option<&str> {
    let interrupted = |end: &RunEnd| match end.class {
        Some(class) => class == FailureClass::Lost || is_agents_fault(class),
        None => matches!(end.result, RunResult::Limited | RunResult::Asked | RunResult::Stopped),
    };
    let ended = earlier.iter().rev().filter_map(|run| Some((run.run.purpose, run.run.end.as_ref()?)));
    let last = ended.skip_while(|(_, end)| interrupted(end)).take(1).find(|(_, end)| end.class.is_some());
    last.filter(|(of, _)| purpose == RunPurpose::Work || *of == RunPurpose::Review).map(|(_, end)| end.message.as_str())
}

/// What the agent that did the work said of it, last.
fn work_of(runs: &[RunRecord]) -> String {
    let work = runs.iter().rev().find(|run| run.run.purpose == RunPurpose::Work && !run.run.summary.is_empty());
    work.map(|run| run.run.summary.clone()).unwrap_or_default()
}

/// The results of the direct dependencies that are COMPLETED, by name.
fn upstream(db: &mut Connection, task: &TaskRecord) -> Result<Vec<Upstream>, StoreError> {
    let waited_for = dependencies::upstream(db, task.key)?;
    let mut upstream = Vec::new();
    for record in tasks::by_keys(db, &waited_for)? {
        let all = runs::of_task(db, record.key)?;
        let result = all.iter().rev().find(|run| run.run.end.is_some());
        if let Some(run) = result.filter(|_| record.task.status == TaskStatus::Completed) {
            upstream.push(Upstream {
                task: record.task.id.clone(),
                title: record.task.title.clone(),
                summary: work_of(&all),
                files_changed: run.run.files_changed.clone(),
            });
        }
    }
    upstream.sort_by(|a, b| a.task.cmp(&b.task));
    Ok(upstream)
}

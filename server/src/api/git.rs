//! GitService: looking at repositories. What people do in them lives in `git_acts`.

use aq_core::git_link::{Comparison, GitPlace, GitRefusal, GitRefused};
use aq_core::ids::{ProjectId, TaskId};
use aq_core::run::RunState;
use aq_core::runner_link::WorkspaceSource;
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;
use pb::git_service_server::GitService;
use tonic::Request;

use super::convert;
use super::incoming::{optional_project, optional_task, optional_workspace, project_id, short};
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply};
use super::turn::Seen;
use crate::commands::{CommandError, Context, project, task};
use crate::lifecycle::Figures;
use crate::store::{TaskRecord, runs, tasks};

/// Longest diff, in bytes, when the caller names no length.
const DIFF: usize = 256 * 1024;
/// Longest diff, in bytes.
const MAX_DIFF: usize = 2 * 1024 * 1024;
/// Most files of a diff that are told.
const FILES: usize = 5_000;
/// Most branches that are thought through in one call.
const FORECASTS: usize = 200;

/// The service.
pub(super) struct Git(pub(super) Api);

/// The repository a call is about, and who works on it.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) place: GitPlace,
    /// Tasks of the project with an open run.
    pub(super) running: Vec<TaskId>,
    pub(super) task: Option<TaskRecord>,
    /// True while the agent of the task works, or may.
    live: bool,
}

/// What a refusal of git means for the caller; `name` is the branch or commit that was asked for.
pub(super) fn refused(field: &'static str, name: &str) -> impl Fn(GitRefused) -> ApiError {
    let name: String = name.chars().take(200).collect();
    move |refused| match refused.kind {
        GitRefusal::NotFound => ApiError::not_found("branch", name.clone()),
        GitRefusal::Name => ApiError::invalid(field, refused.message),
        GitRefusal::State => CommandError::precondition("GIT_STATE", refused.message).into(),
        GitRefusal::TimedOut => CommandError::precondition("GIT_TIMED_OUT", refused.message).into(),
        GitRefusal::Failed => CommandError::precondition("GIT_FAILED", refused.message).into(),
    }
}

fn at_work(figures: &Figures, id: &ProjectId) -> Vec<TaskId> {
    figures.runs.values().filter(|open| open.project == *id).map(|open| open.run.task.clone()).collect()
}

fn find(
    seen: Seen<'_>,
    context: &Context,
    id: Option<&ProjectId>,
    workspace: Option<&aq_core::ids::WorkspaceId>,
    of: Option<&TaskId>,
) -> Result<Found, ApiError> {
    let record = of.map(|of| task(seen.db, context, of)).transpose()?;
    let id = match (&record, id) {
        (Some(record), Some(id)) if record.task.project != *id => return Err(ApiError::not_found("task", record.task.id.as_str())),
        (Some(record), _) => record.task.project.clone(),
        (None, Some(id)) => id.clone(),
        (None, None) => return Err(ApiError::invalid("project_id", "is missing; name a project, or a task where the call takes one")),
    };
    let owner = project(seen.figures, context, &id)?;
    let last = match &record {
        Some(record) => runs::get(seen.db, record.key, record.task.run_number)?.map(|run| run.run.workspace),
        None => None,
    };
    let spaces = || seen.figures.workspaces.values().filter(|space| space.project == id);
    let source = if let Some(wanted) = workspace {
        let space = spaces().find(|space| space.id == *wanted).ok_or_else(|| ApiError::not_found("workspace", wanted.as_str()))?;
        Some(space.source(&owner.repo_url))
    } else if let Some(space) = last.and_then(|last| spaces().find(|space| space.id == last)) {
        Some(space.source(&owner.repo_url))
    } else if owner.repo_url.is_empty() {
        spaces().next().map(|space| space.source(&owner.repo_url))
    } else {
        Some(WorkspaceSource::Clone { url: owner.repo_url.clone() })
    };
    let source = source.ok_or_else(|| {
        CommandError::precondition("NO_REPOSITORY", format!("project `{id}` has no repository; give it a repo_url or add a workspace"))
    })?;
    let open = record.as_ref().and_then(|record| seen.figures.runs.get(&record.key));
    let live = open.is_some_and(|open| matches!(open.state, RunState::Starting | RunState::Running));
    let running = at_work(seen.figures, &id);
    Ok(Found { place: GitPlace { project: id, source, default_branch: owner.default_branch }, running, task: record, live })
}

impl Git {
    /// The repository that a call names.
    pub(super) async fn found(
        &self,
        context: &Context,
        id: Option<ProjectId>,
        workspace: &str,
        of: Option<TaskId>,
    ) -> Result<Found, ApiError> {
        let (workspace, context) = (optional_workspace("workspace_id", workspace)?, context.clone());
        self.0.turn(&context).look(move |seen| find(seen, &context, id.as_ref(), workspace.as_ref(), of.as_ref())).await
    }

    async fn status(&self, request: Request<pb::GetGitStatusRequest>) -> Reply<pb::GetGitStatusResponse> {
        let call = self.0.admit(request)?;
        let (id, of) = (optional_project("project_id", &call.body.project_id)?, optional_task("task_id", &call.body.task_id)?);
        let found = self.found(&call.context, id, &call.body.workspace_id, of.clone()).await?;
        let project_id = found.place.project.to_string();
        let look = self.0.parts.git.status(found.place, of, call.body.fetch).await.map_err(refused("project_id", &project_id))?;
        Ok(tonic::Response::new(pb::GetGitStatusResponse {
            project_id,
            default_branch: look.default_branch,
            head: look.head,
            has_remote: look.has_remote,
            stale: look.stale,
            checkout: look.checkout.as_ref().map(convert::checkout),
            task_checkout: look.task.as_ref().map(convert::checkout),
            running_task_ids: found.running.iter().map(ToString::to_string).collect(),
        }))
    }

    async fn branches(&self, request: Request<pb::ListBranchesRequest>) -> Reply<pb::ListBranchesResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(String, String)>::of(&call.body)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let found = self.found(&call.context, Some(id), &call.body.workspace_id, None).await?;
        let all = self.0.parts.git.branches(found.place, call.body.fetch).await.map_err(refused("project_id", &call.body.project_id))?;
        let slice = page.slice(all.iter().map(convert::branch).collect(), |branch| (branch.name.clone(), branch.task_id.clone()));
        Ok(tonic::Response::new(pb::ListBranchesResponse { branches: slice.items, next_page_token: slice.next, total_size: slice.total }))
    }

    async fn commits(&self, request: Request<pb::ListCommitsRequest>) -> Reply<pb::ListCommitsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<String>::of(&call.body)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let branch = short("branch", &call.body.branch)?;
        let found = self.found(&call.context, Some(id), &call.body.workspace_id, None).await?;
        let after = page.after.clone().unwrap_or_default();
        let read = self.0.parts.git.log(found.place, branch.clone(), after, page.size).await;
        let (commits, more) = read.map_err(refused("branch", &branch))?;
        let next = commits.last().filter(|_| more).map(|commit| commit.id.clone());
        Ok(tonic::Response::new(pb::ListCommitsResponse {
            next_page_token: page.token(next.as_ref()),
            commits: commits.iter().map(convert::commit).collect(),
        }))
    }

    async fn diff(&self, request: Request<pb::GetDiffRequest>) -> Reply<pb::GetDiffResponse> {
        let call = self.0.admit(request)?;
        let body = call.body;
        let (id, of) = (optional_project("project_id", &body.project_id)?, optional_task("task_id", &body.task_id)?);
        let (base, head) = (short("base", &body.base)?, short("head", &body.head)?);
        let longest = match usize::try_from(body.max_bytes).unwrap_or(usize::MAX) {
            _ if body.files_only => 0,
            0 => DIFF,
            wanted if wanted > MAX_DIFF => return Err(ApiError::invalid("max_bytes", format!("at most {MAX_DIFF} are allowed")).into()),
            wanted => wanted,
        };
        if of.is_none() && head.is_empty() {
            return Err(ApiError::invalid("head", "is missing; name a branch or a commit, or a task").into());
        }
        let found = self.found(&call.context, id, &body.workspace_id, of).await?;
        let (what, name) = match &found.task {
            Some(record) => {
                let branch = record.task.branch.clone().ok_or_else(|| {
                    CommandError::precondition(
                        "TASK_NOT_STARTED",
                        format!("task `{}` has not run yet; there is nothing to compare", record.task.id),
                    )
                });
                let branch = branch.map_err(ApiError::from)?;
                (Comparison::Task { task: record.task.id.clone(), branch: branch.clone(), live: found.live }, branch)
            }
            None => (Comparison::Between { base, head: head.clone() }, head),
        };
        let mut changes = self.0.parts.git.changes(found.place, what, longest).await.map_err(|error| match error.kind {
            // Of a task it is known which branch it had; what is wanted is why there is nothing of it.
            GitRefusal::NotFound if found.task.is_some() => CommandError::precondition("WORK_NOT_KEPT", error.message).into(),
            _ => refused("head", &name)(error),
        })?;
        changes.files.truncate(FILES);
        changes.cut &= !body.files_only;
        Ok(tonic::Response::new(convert::changes(changes)))
    }

    async fn conflicts(&self, request: Request<pb::CheckConflictsRequest>) -> Reply<pb::CheckConflictsResponse> {
        let call = self.0.admit(request)?;
        let body = call.body;
        let (id, of) = (optional_project("project_id", &body.project_id)?, optional_task("task_id", &body.task_id)?);
        let branch = short("branch", &body.branch)?;
        let found = self.found(&call.context, id, &body.workspace_id, of).await?;
        let wanted: Vec<(String, Option<TaskId>)> = match &found.task {
            _ if !branch.is_empty() => vec![(branch, None)],
            Some(record) => record.task.branch.clone().map(|branch| (branch, Some(record.task.id.clone()))).into_iter().collect(),
            None => self.open_branches(&call.context, found.place.project.clone()).await?,
        };
        let single = wanted.len() == 1;
        let mut forecasts = Vec::new();
        for (number, (branch, task)) in wanted.into_iter().enumerate() {
            // Whoever asks wants to know about now: what others pushed is fetched once, before the first.
            match self.0.parts.git.forecast(found.place.clone(), branch.clone(), number == 0).await {
                Ok(forecast) => forecasts.push(convert::forecast(branch, task.as_ref(), forecast)),
                // A task that has been prepared and not yet been collected has no branch of its own yet.
                Err(error) if error.kind == GitRefusal::NotFound && !single => {}
                Err(error) => return Err(refused("branch", &branch)(error).into()),
            }
        }
        forecasts.sort_by_key(|forecast| forecast.conflicts.is_empty());
        Ok(tonic::Response::new(pb::CheckConflictsResponse { forecasts }))
    }

    /// The branches of the tasks of a project that are not over.
    async fn open_branches(&self, context: &Context, id: ProjectId) -> Result<Vec<(String, Option<TaskId>)>, ApiError> {
        let open: Vec<TaskStatus> = TaskStatus::ALL.iter().copied().filter(|status| !matches!(status, TaskStatus::Completed)).collect();
        self.0
            .turn(context)
            .read(move |db| {
                let mut found = Vec::new();
                for status in &open {
                    for record in tasks::with_branch(db, &id, *status, FORECASTS)? {
                        found.extend(record.task.branch.clone().map(|branch| (branch, Some(record.task.id.clone()))));
                    }
                }
                found.truncate(FORECASTS);
                Ok(found)
            })
            .await
    }
}

macro_rules! forward {
    ($($name:ident($request:ident) -> $answer:ident = $to:ident;)+) => {
        #[tonic::async_trait]
        impl GitService for Git {
            $(async fn $name(&self, request: Request<pb::$request>) -> Reply<pb::$answer> {
                self.$to(request).await
            })+
        }
    };
}

forward! {
    get_git_status(GetGitStatusRequest) -> GetGitStatusResponse = status;
    list_branches(ListBranchesRequest) -> ListBranchesResponse = branches;
    list_commits(ListCommitsRequest) -> ListCommitsResponse = commits;
    get_diff(GetDiffRequest) -> GetDiffResponse = diff;
    check_conflicts(CheckConflictsRequest) -> CheckConflictsResponse = conflicts;
    create_branch(CreateBranchRequest) -> CreateBranchResponse = create;
    switch_branch(SwitchBranchRequest) -> SwitchBranchResponse = switch;
    commit_changes(CommitChangesRequest) -> CommitChangesResponse = commit;
    merge_branch(MergeBranchRequest) -> MergeBranchResponse = merge;
    push_branch(PushBranchRequest) -> PushBranchResponse = push;
    create_pull_request(CreatePullRequestRequest) -> CreatePullRequestResponse = pull_request;
}

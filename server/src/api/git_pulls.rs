//! GitService: the pull request of a task, opened by hand.

use std::sync::Arc;

use aq_core::event::EventKind;
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;
use serde_json::json;
use tonic::Request;

use super::git::{Git, refused};
use super::incoming::task_id;
use super::status::{ApiError, Reply};
use crate::commands::{CommandError, Context};
use crate::forges::{Forge, ForgeError, PullRequest, RepositoryName, WantedPull};
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{TaskRecord, approvals, tasks};

/// Most characters of a description that a pull request quotes.
const QUOTED: usize = 500;

fn of_forge(error: &ForgeError) -> ApiError {
    CommandError::precondition("FORGE_REFUSED", error.to_string()).into()
}

impl Git {
    /// The forge, and the repository that it serves for the project.
    async fn forge(&self, context: &Context, record: &TaskRecord) -> Result<(Arc<dyn Forge>, RepositoryName, String), ApiError> {
        let id = record.task.project.clone();
        let owner = self.0.turn(context).look(move |seen| Ok(seen.figures.projects.get(&id).map(|hot| hot.project.clone()))).await?;
        let served = owner.as_ref().and_then(|owner| {
            let forge = self.0.parts.forge.clone()?;
            let name = forge.serves(&owner.repo_url)?;
            Some((forge, name, owner.default_branch.clone()))
        });
        served.ok_or_else(|| {
            let message = "no forge serves the project's repository; give it a repo_url on GitHub, and a token: git.github_token, GITHUB_TOKEN, \
                           GH_TOKEN or `gh auth login`";
            CommandError::precondition("NO_FORGE", message).into()
        })
    }

    pub(super) async fn pull_request(&self, request: Request<pb::CreatePullRequestRequest>) -> Reply<pb::CreatePullRequestResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let found = self.found(&call.context, None, "", Some(id.clone())).await?;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let record = found.task.clone().ok_or_else(|| ApiError::not_found("task", id.as_str()))?;
        let started = |record: &TaskRecord| record.task.branch.clone().filter(|_| record.task.run_number > 0);
        let branch = started(&record).ok_or_else(|| {
            ApiError::from(CommandError::precondition(
                "TASK_NOT_STARTED",
                format!("task `{id}` has not run yet; there is no branch to push"),
            ))
        })?;
        let (forge, repository, base) = self.forge(&call.context, &record).await?;
        self.0.parts.git.push(found.place, branch.clone()).await.map_err(refused("task_id", &branch))?;
        let quoted: String = record.task.description.chars().take(QUOTED).collect();
        let wanted = WantedPull {
            repository: repository.clone(),
            branch: branch.clone(),
            base,
            title: record.task.title.clone(),
            body: format!("Pull request for task `{id}`.\n\n{quoted}"),
        };
        let pull = forge.open(wanted).await.map_err(|error| of_forge(&error))?;
        let keep = move |tx: &mut Tx<'_>, context: &Context| {
            remember(tx, context, record.key, &repository, &branch, &pull)?;
            Ok(pb::CreatePullRequestResponse { url: pull.url.clone(), number: pull.number }.into())
        };
        self.0.mutate(&call.context, &call.body, keep).await
    }
}

/// Notes the pull request with the task; a task that awaits approval is asked after from now on.
fn remember(
    tx: &mut Tx<'_>,
    context: &Context,
    key: i64,
    repository: &RepositoryName,
    branch: &str,
    pull: &PullRequest,
) -> Result<(), ApiError> {
    let mut record = tasks::by_key(tx.db, key)?;
    let known = record.task.pr_url.as_deref() == Some(pull.url.as_str());
    record.task.pr_url = Some(pull.url.clone());
    tasks::set_place(tx.db, &record)?;
    if record.task.status == TaskStatus::AwaitingApproval
        && let Some(mut wait) = approvals::get(tx.db, key)?
    {
        (wait.repository, wait.branch) = (repository.to_string(), branch.to_owned());
        (wait.number, wait.ask_at) = (Some(pull.number), Some(context.now));
        approvals::put(tx.db, &wait)?;
    }
    if !known {
        let payload =
            json!({ "title": record.task.title, "branch": branch, "url": pull.url, "number": pull.number, "actor": context.actor() });
        announce(tx, EventKind::PrCreated, context.now, Subject::task(&record), payload)?;
    }
    Ok(())
}

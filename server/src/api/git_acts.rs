//! GitService: what people do in repositories. Each act is harmless when it is repeated; its answer is kept like that of every mutation.

use aq_core::event::EventKind;
use aq_core::git_link::Merged;
use aq_core::ids::{ProjectId, TaskId};
use aq_proto::v1 as pb;
use serde_json::{Value, json};
use tonic::Request;

use super::convert;
use super::git::{Found, Git, refused};
use super::incoming::{project_id, short};
use super::status::{ApiError, Reply};
use crate::commands::{CommandError, Context};
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::tasks;

/// Longest message of a commit, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// Says who is at work in the repository.
fn warnings(found: &Found) -> Vec<String> {
    if found.running.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = found.running.iter().map(|task| format!("`{task}`")).collect();
    vec![format!("tasks are at work in this project: {}; what they do lands on the default branch as it is now", names.join(", "))]
}

fn tell(tx: &mut Tx<'_>, context: &Context, id: &ProjectId, kind: EventKind, mut payload: Value) -> Result<(), ApiError> {
    if let Some(fields) = payload.as_object_mut() {
        fields.insert("actor".into(), context.actor().into());
    }
    announce(tx, kind, context.now, Subject::project(id), payload)?;
    Ok(())
}

impl Git {
    pub(super) async fn create(&self, request: Request<pb::CreateBranchRequest>) -> Reply<pb::CreateBranchResponse> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let (branch, from) = (named(&call.body.branch)?, short("from", &call.body.from)?);
        let found = self.found(&call.context, Some(id), &call.body.workspace_id, None).await?;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let warnings = warnings(&found);
        let commit = self.0.parts.git.create_branch(found.place, branch.clone(), from.clone()).await;
        let commit = commit.map_err(refused("branch", &from))?;
        let answer = pb::CreateBranchResponse { branch, commit, warnings };
        self.0.mutate(&call.context, &call.body, move |_, _| Ok(answer.clone().into())).await
    }

    pub(super) async fn switch(&self, request: Request<pb::SwitchBranchRequest>) -> Reply<pb::SwitchBranchResponse> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let branch = named(&call.body.branch)?;
        let found = self.found(&call.context, Some(id), &call.body.workspace_id, None).await?;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let warnings = warnings(&found);
        let look = self.0.parts.git.switch(found.place, branch.clone()).await.map_err(refused("branch", &branch))?;
        let answer = pb::SwitchBranchResponse { checkout: Some(convert::checkout(&look)), warnings };
        self.0.mutate(&call.context, &call.body, move |_, _| Ok(answer.clone().into())).await
    }

    pub(super) async fn commit(&self, request: Request<pb::CommitChangesRequest>) -> Reply<pb::CommitChangesResponse> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let message = call.body.message.trim().to_owned();
        if message.is_empty() || message.len() > MAX_MESSAGE || message.contains('\0') {
            return Err(ApiError::invalid("message", format!("must be text of 1 to {MAX_MESSAGE} bytes")).into());
        }
        let found = self.found(&call.context, Some(id.clone()), &call.body.workspace_id, None).await?;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let warnings = warnings(&found);
        let made = self.0.parts.git.commit(found.place, message).await.map_err(refused("message", id.as_str()))?;
        let answer = pb::CommitChangesResponse { commit: made.unwrap_or_default(), warnings };
        let record = move |tx: &mut Tx<'_>, context: &Context| {
            if !answer.commit.is_empty() {
                tell(tx, context, &id, EventKind::GitCommit, json!({ "branch": "", "commit": answer.commit }))?;
            }
            Ok(answer.clone().into())
        };
        self.0.mutate(&call.context, &call.body, record).await
    }

    pub(super) async fn merge(&self, request: Request<pb::MergeBranchRequest>) -> Reply<pb::MergeBranchResponse> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let branch = named(&call.body.branch)?;
        let found = self.found(&call.context, Some(id.clone()), &call.body.workspace_id, None).await?;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        self.not_in_progress(&call.context, &branch).await?;
        let warnings = warnings(&found);
        let merged = self.0.parts.git.merge(found.place, branch.clone()).await.map_err(refused("branch", &branch))?;
        let answer = match merged {
            Merged::Done { commit, pushed } => pb::MergeBranchResponse { commit, pushed, warnings, ..Default::default() },
            Merged::Nothing => pb::MergeBranchResponse { warnings, ..Default::default() },
            Merged::Conflict { files } => pb::MergeBranchResponse { conflicts: files, warnings, ..Default::default() },
        };
        let record = move |tx: &mut Tx<'_>, context: &Context| {
            if !answer.commit.is_empty() {
                tell(tx, context, &id, EventKind::GitMerged, json!({ "branch": branch, "commit": answer.commit }))?;
            } else if !answer.conflicts.is_empty() {
                tell(tx, context, &id, EventKind::GitConflict, json!({ "branch": branch, "files": answer.conflicts }))?;
            }
            Ok(answer.clone().into())
        };
        self.0.mutate(&call.context, &call.body, record).await
    }

    pub(super) async fn push(&self, request: Request<pb::PushBranchRequest>) -> Reply<pb::PushBranchResponse> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let branch = named(&call.body.branch)?;
        let found = self.found(&call.context, Some(id.clone()), &call.body.workspace_id, None).await?;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let warnings = warnings(&found);
        let commit = self.0.parts.git.push(found.place, branch.clone()).await.map_err(refused("branch", &branch))?;
        let answer = pb::PushBranchResponse { commit, warnings };
        let record = move |tx: &mut Tx<'_>, context: &Context| {
            tell(tx, context, &id, EventKind::GitPush, json!({ "branch": branch, "commit": answer.commit }))?;
            Ok(answer.clone().into())
        };
        self.0.mutate(&call.context, &call.body, record).await
    }

    /// Refuses the branch of a task that is not over: merging it by hand would land work that nobody has checked (F-167).
    async fn not_in_progress(&self, context: &Context, branch: &str) -> Result<(), ApiError> {
        let Some(id) = branch.split('/').next().and_then(|part| TaskId::parse(part).ok()) else { return Ok(()) };
        let record = self.0.turn(context).read(move |db| Ok(tasks::by_id(db, &id)?)).await?;
        match record {
            Some(record) if record.task.branch.as_deref() == Some(branch) && !record.task.status.is_finished() => {
                let (task, status) = (&record.task.id, record.task.status);
                let message = format!(
                    "branch `{branch}` belongs to task `{task}`, which is {status}; it lands by itself, or approve or stop it first"
                );
                Err(CommandError::precondition("TASK_NOT_OVER", message).into())
            }
            _ => Ok(()),
        }
    }
}

/// The name of a branch.
fn named(text: &str) -> Result<String, ApiError> {
    let name = short("branch", text)?;
    if name.trim().is_empty() || name.starts_with('-') {
        return Err(ApiError::invalid("branch", "is empty or begins with `-`; give the name of a branch"));
    }
    Ok(name)
}

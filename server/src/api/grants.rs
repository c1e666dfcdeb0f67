//! TaskService: what people allowed once and for all, listed and taken back.

use aq_core::ids::{ProjectId, TaskId};
use aq_proto::v1 as pb;
use tonic::Request;

use super::convert;
use super::incoming::{optional_project, optional_task, short};
use super::page::Page;
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use crate::commands::grants::{Holder, revoke};
use crate::commands::{CommandError, Context, task};
use crate::lifecycle::Tx;
use crate::store::{Connection, GrantRecord, GrantScope, grants, tasks};

fn shown(project: &ProjectId, task: Option<&TaskId>, grant: &GrantRecord) -> pb::PermissionGrant {
    pb::PermissionGrant {
        project_id: project.to_string(),
        task_id: task.map(ToString::to_string).unwrap_or_default(),
        tool: grant.tool.clone(),
        granted_by: grant.actor.clone(),
        granted_at: Some(convert::timestamp(grant.created_at)),
    }
}

/// Every grant that the caller may know of.
fn all(db: &mut Connection, context: &Context) -> Result<Vec<pb::PermissionGrant>, CommandError> {
    let found = grants::all(db)?;
    let keys: Vec<i64> = found.iter().filter_map(|grant| if let GrantScope::Task(key) = grant.scope { Some(key) } else { None }).collect();
    let of = tasks::shown_by_key(db, &keys)?;
    let listed = found
        .iter()
        .filter_map(|grant| match &grant.scope {
            GrantScope::Project(project) => Some(shown(project, None, grant)),
            GrantScope::Task(key) => of.get(key).map(|record| shown(&record.task.project, Some(&record.task.id), grant)),
        })
        .filter(|grant| context.principal.projects.covers(&ProjectId::from_trusted(&grant.project_id)));
    Ok(listed.collect())
}

impl Tasks {
    pub(super) async fn grants(&self, request: Request<pb::ListPermissionGrantsRequest>) -> Reply<pb::ListPermissionGrantsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(String, String, String)>::of(&call.body)?;
        let project = optional_project("project_id", &call.body.project_id)?;
        let wanted = optional_task("task_id", &call.body.task_id)?;
        let context = call.context;
        if let Some(project) = &project {
            context.sees(project, "project", project.as_str()).map_err(ApiError::from)?;
        }
        let found = self.0.turn(&context).read(move |db| {
            let of = wanted.as_ref().map(|id| task(db, &context, id)).transpose()?;
            let mut listed = all(db, &context)?;
            listed.retain(|grant| {
                project.as_ref().is_none_or(|id| grant.project_id == id.as_str())
                    && of.as_ref().is_none_or(|record| {
                        grant.project_id == record.task.project.as_str()
                            && (grant.task_id.is_empty() || grant.task_id == record.task.id.as_str())
                    })
            });
            Ok(listed)
        });
        let slice = page.slice(found.await?, |grant| (grant.project_id.clone(), grant.task_id.clone(), grant.tool.clone()));
        Ok(tonic::Response::new(pb::ListPermissionGrantsResponse {
            grants: slice.items,
            next_page_token: slice.next,
            total_size: slice.total,
        }))
    }

    pub(super) async fn revoke_grant(&self, request: Request<pb::RevokePermissionGrantRequest>) -> Reply<pb::PermissionGrant> {
        let call = self.0.admit(request)?;
        let tool = short("tool", &call.body.tool)?;
        if tool.is_empty() {
            return Err(ApiError::invalid("tool", "is empty; name the tool as it is listed").into());
        }
        let project = optional_project("project_id", &call.body.project_id)?;
        let holder = match (project, optional_task("task_id", &call.body.task_id)?) {
            (None, Some(task)) => Holder::Task(task),
            (Some(project), None) => Holder::Project(project),
            _ => return Err(ApiError::invalid("task_id", "give either a task or a project, not both and not neither").into()),
        };
        let revoke = move |tx: &mut Tx<'_>, context: &Context| {
            let (project, gone) = revoke(tx, context, &holder, &tool)?;
            let task = if let Holder::Task(id) = &holder { Some(id) } else { None };
            Ok(shown(&project, task, &gone).into())
        };
        self.0.mutate(&call.context, &call.body, revoke).await
    }
}

//! WorkspaceService.

use aq_core::workspace::WorkspaceKind;
use aq_proto::v1 as pb;
use pb::workspace_service_server::WorkspaceService;
use tonic::Request;

use super::convert;
use super::incoming::{member, optional_project, project_id, short, workspace_id};
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply};
use crate::commands::{CommandError, Context, project, workspaces};
use crate::lifecycle::Tx;

/// The service.
pub(super) struct Workspaces(pub(super) Api);

fn kind(field: &str, value: i32) -> Result<WorkspaceKind, ApiError> {
    Ok(match member::<pb::WorkspaceKind>(field, value)? {
        None | Some(pb::WorkspaceKind::Unspecified | pb::WorkspaceKind::Clone) => WorkspaceKind::Clone,
        Some(pb::WorkspaceKind::Link) => WorkspaceKind::Link,
        Some(pb::WorkspaceKind::Init) => WorkspaceKind::Init,
    })
}

impl Workspaces {
    /// The canonical path of a `link` or `init` workspace, checked through the runner's git; `None` where the place is ours to choose.
    async fn checked(&self, kind: WorkspaceKind, source: &str) -> Result<Option<String>, ApiError> {
        if kind == WorkspaceKind::Clone {
            return Ok(None);
        }
        if source.is_empty() {
            return match kind {
                WorkspaceKind::Init => Ok(None),
                _ => Err(ApiError::invalid("source", "is missing; a link workspace needs the absolute path of a checkout")),
            };
        }
        if !source.starts_with('/') {
            return Err(ApiError::invalid("source", "must be an absolute path"));
        }
        let path = self.0.parts.repositories.workspace(kind, source).await.map_err(|refused| ApiError::invalid("source", refused.0))?;
        let text = path.into_os_string().into_string();
        text.map(Some).map_err(|_| ApiError::invalid("source", "is not a path in UTF-8; rename the directory"))
    }
}

#[tonic::async_trait]
impl WorkspaceService for Workspaces {
    async fn add_workspace(&self, request: Request<pb::AddWorkspaceRequest>) -> Reply<pb::Workspace> {
        let call = self.0.admit(request)?;
        let id = project_id("project_id", &call.body.project_id)?;
        let kind = kind("kind", call.body.kind)?;
        let (source, name) = (short("source", &call.body.source)?, short("name", &call.body.name)?);
        if name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(ApiError::invalid("name", "must be one line of at most 100 characters").into());
        }
        call.context.sees(&id, "project", id.as_str()).map_err(ApiError::from)?;
        let path = self.checked(kind, &source).await?;
        let clones = self.0.parts.facts.clones.clone();
        let add = move |tx: &mut Tx<'_>, context: &Context| {
            let owner = project(tx.state, context, &id)?;
            if kind == WorkspaceKind::Clone && !source.is_empty() && source != owner.repo_url {
                let problem = "clones come from the project's repository; leave it empty, or change the project's repo_url";
                return Err(ApiError::invalid("source", problem));
            }
            let added = workspaces::add(tx, context, &id, kind, path.clone(), &name, &clones)?;
            Ok(convert::workspace(tx.state, &added).into())
        };
        self.0.mutate(&call.context, &call.body, add).await
    }

    async fn list_workspaces(&self, request: Request<pb::ListWorkspacesRequest>) -> Reply<pb::ListWorkspacesResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(String, String)>::of(&call.body)?;
        let wanted = optional_project("project_id", &call.body.project_id)?;
        let context = call.context;
        let found = self
            .0
            .turn(&context)
            .look(move |seen| {
                if let Some(id) = &wanted {
                    project(seen.figures, &context, id)?;
                }
                let visible = seen.figures.workspaces.values().filter(|space| {
                    context.principal.projects.covers(&space.project) && wanted.as_ref().is_none_or(|id| space.project == *id)
                });
                Ok(visible.map(|space| convert::workspace(seen.figures, space)).collect::<Vec<_>>())
            })
            .await?;
        let slice = page.slice(found, |space| (space.project_id.clone(), space.id.clone()));
        Ok(tonic::Response::new(pb::ListWorkspacesResponse {
            workspaces: slice.items,
            next_page_token: slice.next,
            total_size: slice.total,
        }))
    }

    async fn remove_workspace(&self, request: Request<pb::RemoveWorkspaceRequest>) -> Reply<pb::RemoveWorkspaceResponse> {
        let call = self.0.admit(request)?;
        let id = workspace_id("workspace_id", &call.body.workspace_id)?;
        let remove = move |tx: &mut Tx<'_>, context: &Context| {
            workspaces::remove(tx, context, &id)?;
            Ok(pb::RemoveWorkspaceResponse {}.into())
        };
        self.0.mutate(&call.context, &call.body, remove).await
    }

    async fn release_workspace(&self, request: Request<pb::ReleaseWorkspaceRequest>) -> Reply<pb::Workspace> {
        let call = self.0.admit(request)?;
        let id = workspace_id("workspace_id", &call.body.workspace_id)?;
        let release = move |tx: &mut Tx<'_>, context: &Context| {
            let unknown = || ApiError::not_found("workspace", id.as_str());
            let space = tx.state.workspaces.get(&id).cloned().ok_or_else(unknown)?;
            context.sees(&space.project, "workspace", id.as_str())?;
            // A lease is an open run and nothing else, so that there is none to take away from a run that has ended.
            if let Some(run) = tx.state.leased.get(&id).and_then(|key| tx.state.runs.get(key)) {
                let message = format!("workspace `{id}` is held by the open run {}; stop its task with StopTask", run.run);
                return Err(CommandError::precondition("WORKSPACE_IN_USE", message).into());
            }
            Ok(convert::workspace(tx.state, &space).into())
        };
        self.0.mutate(&call.context, &call.body, release).await
    }
}

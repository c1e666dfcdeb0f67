//! Workspaces.

use aq_core::workspace::{Workspace, WorkspaceKind};
use aq_proto::v1 as pb;

use super::words::timestamp;
use crate::lifecycle::Figures;

/// A workspace with its lease.
pub(in crate::api) fn workspace(figures: &Figures, workspace: &Workspace) -> pb::Workspace {
    let lease = figures.leased.get(&workspace.id).and_then(|key| figures.runs.get(key));
    let url = || figures.projects.get(&workspace.project).map(|hot| hot.project.repo_url.clone()).unwrap_or_default();
    pb::Workspace {
        id: workspace.id.to_string(),
        project_id: workspace.project.to_string(),
        name: workspace.name.clone(),
        kind: match workspace.kind {
            WorkspaceKind::Clone => pb::WorkspaceKind::Clone,
            WorkspaceKind::Link => pb::WorkspaceKind::Link,
            WorkspaceKind::Init => pb::WorkspaceKind::Init,
        }
        .into(),
        source: if workspace.kind == WorkspaceKind::Clone { url() } else { workspace.path.clone() },
        leased_task_id: lease.map(|run| run.run.task.to_string()).unwrap_or_default(),
        leased_agent_id: lease.map(|run| run.agent.to_string()).unwrap_or_default(),
        leased_at: lease.map(|run| timestamp(run.since)),
        created_at: Some(timestamp(workspace.created_at)),
    }
}

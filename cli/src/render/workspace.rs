//! Workspaces.

use aq_proto::v1::{ListWorkspacesResponse, WorkspaceKind};

use super::table::{Cell, table};
use super::time;
use crate::look::{Look, Tone};
use crate::words;

/// A page of workspaces.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListWorkspacesResponse) -> String {
    table(
        look,
        &["ID", "PROJECT", "KIND", "NAME", "SOURCE", "LEASED BY", "SINCE"],
        page.workspaces.iter().map(|workspace| {
            let lease = if workspace.leased_task_id.is_empty() {
                String::new()
            } else {
                format!("{} ({})", workspace.leased_task_id, workspace.leased_agent_id)
            };
            vec![
                Cell::new(&workspace.id),
                Cell::new(&workspace.project_id),
                Cell::new(words::phrase::<WorkspaceKind>(workspace.kind)),
                Cell::new(&workspace.name),
                Cell::new(&workspace.source),
                Cell::new(lease).tone(Tone::Active),
                Cell::new(time::relative(look, workspace.leased_at.as_ref())),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::Workspace;

    use super::*;

    /// F-166: workspaces with their leases.
    #[test]
    fn workspaces() {
        let free = Workspace {
            id: "ws-01234567".into(),
            project_id: "web".into(),
            kind: WorkspaceKind::Link.into(),
            source: "/home/me/web".into(),
            ..Default::default()
        };
        let leased = Workspace {
            id: "ws-89abcdef".into(),
            name: "second".into(),
            kind: WorkspaceKind::Clone.into(),
            leased_task_id: "swift-falcon".into(),
            leased_agent_id: "orion".into(),
            leased_at: Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - 61, nanos: 0 }),
            ..free.clone()
        };
        insta::assert_snapshot!(list(&Look::plain(), &ListWorkspacesResponse { workspaces: vec![free, leased], ..Default::default() }));
    }
}

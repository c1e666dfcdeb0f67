//! Tools that were allowed once and for all.

use aq_proto::v1::ListPermissionGrantsResponse;

use super::table::{Cell, table};
use super::time;
use crate::look::Look;

/// A page of grants.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListPermissionGrantsResponse) -> String {
    table(
        look,
        &["TOOL", "ALLOWED IN", "BY", "SINCE"],
        page.grants.iter().map(|grant| {
            let of = if grant.task_id.is_empty() { format!("project {}", grant.project_id) } else { format!("task {}", grant.task_id) };
            vec![
                Cell::new(&grant.tool),
                Cell::new(of),
                Cell::new(&grant.granted_by),
                Cell::new(time::relative(look, grant.granted_at.as_ref())),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::PermissionGrant;

    use super::*;

    /// F-072, F-237: grants say how far they reach, who gave them and when; foreign text cannot break out of its cell.
    #[test]
    fn grants_as_a_table() {
        let at = Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - 7200, nanos: 0 });
        let grant = |task: &str, tool: &str| PermissionGrant {
            project_id: "shop".into(),
            task_id: task.into(),
            tool: tool.into(),
            granted_by: "admin".into(),
            granted_at: at,
        };
        let page = ListPermissionGrantsResponse {
            grants: vec![grant("", "Bash"), grant("swift-falcon", "Web\u{1b}[8mFetch")],
            ..Default::default()
        };
        insta::assert_snapshot!(list(&Look::plain(), &page));
    }
}

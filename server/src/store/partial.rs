//! The conditions of the partial indexes over the status of tasks, word for word as the migrations say them.
//!
//! A database uses such an index only where a query repeats its condition: a status that comes as a parameter proves nothing to it, and the whole
//! table is read. Which tasks a query wants lives with the query.

use aq_core::task::TaskStatus;

/// `tasks_ready`.
pub(super) const READY: &str = "status = 'READY'";
/// `tasks_defined`, and that a task is neither deleted nor archived.
pub(super) const DEFINED: &str = "status = 'DEFINED'";
/// `tasks_completed`, and that a task is neither deleted nor archived.
pub(super) const COMPLETED: &str = "status = 'COMPLETED'";
/// `tasks_stuck`.
pub(super) const STUCK: &str = "status IN ('FAILED','BLOCKED')";
/// `tasks_active`: neither waiting to run nor settled.
pub(super) const ACTIVE: &str =
    "status <> 'DEFINED' AND status <> 'READY' AND status <> 'COMPLETED' AND status <> 'FAILED' AND status <> 'BLOCKED'";

/// What is true of every task in `status`, in the words of the index that holds it.
pub(super) const fn among(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Ready => READY,
        TaskStatus::Defined => DEFINED,
        TaskStatus::Completed => COMPLETED,
        TaskStatus::Failed | TaskStatus::Blocked => STUCK,
        TaskStatus::Assigned
        | TaskStatus::InProgress
        | TaskStatus::WaitingInput
        | TaskStatus::Paused
        | TaskStatus::Verifying
        | TaskStatus::AwaitingApproval => ACTIVE,
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    use aq_core::time::Timestamp;

    use super::super::connection::DatabaseUrl;
    use super::super::dialect::Link;
    use super::super::migrate::open_migrated;
    use super::*;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// Store R25: tasks of a status that is rare beside a long backlog are found by an index of their own, whatever the planner knows of the rows.
    #[test]
    fn rare_tasks_are_found_by_an_index() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = DatabaseUrl::sqlite(&folder.path().join("plan.db"));
        let (mut connection, _) = open_migrated(&url, folder.path(), Timestamp::from_millis(1)).expect("a database");
        let Link::Sqlite(link) = &mut connection.link else { panic!("not the embedded database") };
        for status in TaskStatus::ALL {
            let rare = !matches!(status, TaskStatus::Ready | TaskStatus::Defined | TaskStatus::Completed);
            let asked = format!(
                "EXPLAIN QUERY PLAN SELECT * FROM tasks WHERE {} AND status = $1 AND deleted_at IS NULL ORDER BY key",
                among(*status)
            );
            let steps: Vec<Step> = diesel::sql_query(asked).bind::<Text, _>(status.as_str()).load(link).expect("a plan");
            let by = if among(*status) == STUCK { "tasks_stuck" } else { "tasks_active" };
            assert!(
                !rare || steps.iter().any(|step| step.detail.contains(&format!("USING INDEX {by} (status=?"))),
                "{status}: {}",
                steps[0].detail
            );
        }
    }
}

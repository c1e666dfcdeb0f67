//! Tasks in lists.

use aq_proto::v1::{ListTasksResponse, Task, TaskRef, TaskStatus};

use super::table::{Cell, table};
use super::time;
use super::tone;
use crate::look::{Look, Tone};
use crate::words;

/// The status as it is shown: `READY`, `BLOCKED (budget)`.
#[must_use]
pub(crate) fn status(task: &Task) -> String {
    let status = words::upper::<TaskStatus>(task.status);
    match words::phrase::<aq_proto::v1::BlockReason>(task.block_reason) {
        reason if reason.is_empty() => status,
        reason => format!("{status} ({reason})"),
    }
}

/// A page of tasks.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListTasksResponse) -> String {
    rows(look, &page.tasks)
}

/// Tasks as a table; empty text for none.
#[must_use]
pub(crate) fn rows(look: &Look, tasks: &[Task]) -> String {
    let header = ["ID", "PROJECT", "STATUS", "PRIO", "TITLE", "AGENT", "AGE", "WAITS FOR"];
    table(
        look,
        &header,
        tasks.iter().map(|task| {
            vec![
                Cell::new(&task.id),
                Cell::new(&task.project_id),
                Cell::new(status(task)).tone(tone::task(task.status)),
                Cell::number(task.priority.to_string()),
                Cell::new(title(task)),
                Cell::new(&task.agent_id),
                Cell::new(time::relative(look, task.created_at.as_ref()).trim_end_matches(" ago")),
                Cell::new(&task.waiting_for).tone(Tone::Dim),
            ]
        }),
    )
}

/// The title with the progress of its subtasks.
fn title(task: &Task) -> String {
    if task.subtask_count == 0 {
        return task.title.clone();
    }
    format!("{} [{}/{}]", task.title, task.subtask_completed_count, task.subtask_count)
}

/// A task in a line: `✓ swift-falcon COMPLETED  Title`.
#[must_use]
pub(crate) fn reference(look: &Look, task: &TaskRef) -> String {
    let status = words::upper::<TaskStatus>(task.status);
    let mark = look.paint(tone::task(task.status), tone::mark(task.status));
    let line = crate::clean::line(&format!("{} {status}  {}", task.id, task.title));
    format!("{mark} {line}")
}

/// What is said beside a page (rendering R6, R7); empty when there is nothing to say.
#[must_use]
pub(crate) fn footnote(page: &ListTasksResponse) -> String {
    let mut notes = Vec::new();
    let shown = page.tasks.len();
    if shown == 0 && page.total_size == 0 {
        notes.push(if page.hidden_count > 0 {
            format!("no open tasks; {} finished: aqctl task list --finished", page.hidden_count)
        } else {
            "no tasks; add one with: aqctl task add TITLE --project PROJECT".to_owned()
        });
        return notes.concat();
    }
    if !page.next_page_token.is_empty() {
        notes.push(format!("{shown} of {} shown; all: --all, next page: --page-token {}", page.total_size, page.next_page_token));
    }
    if page.hidden_count > 0 {
        notes.push(format!("{} finished hidden (--finished shows them)", page.hidden_count));
    }
    notes.join("; ")
}

#[cfg(test)]
pub(crate) mod tests {
    use aq_proto::v1::BlockReason;
    use proptest::prelude::*;

    use super::*;
    use crate::clean;

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - seconds, nanos: 0 })
    }

    pub(crate) fn example() -> Task {
        Task {
            id: "swift-falcon".into(),
            project_id: "web".into(),
            title: "Add a login page".into(),
            description: "Build it.\nWith tests.".into(),
            status: TaskStatus::InProgress.into(),
            priority: 100,
            runtime: aq_proto::v1::Runtime::Claude.into(),
            agent_id: "orion".into(),
            branch: "aq/swift-falcon".into(),
            max_retries: 3,
            last_run_number: 2,
            retry_count: 1,
            usage: Some(aq_proto::v1::TokenUsage { input: 12_000, output: 3_400, cache_read: 90_000, cache_write: 0 }),
            cost_micros: 1_250_000,
            created_by: "admin".into(),
            created_at: at(7300),
            started_at: at(3600),
            test_commands: vec!["cargo test".into()],
            ..Default::default()
        }
    }

    fn page() -> ListTasksResponse {
        let blocked = Task {
            id: "calm-river".into(),
            project_id: "api".into(),
            title: "Parent".into(),
            status: TaskStatus::Blocked.into(),
            block_reason: BlockReason::RetriesExhausted.into(),
            waiting_for: "A person: restart or skip it.".into(),
            subtask_count: 4,
            subtask_completed_count: 1,
            created_at: at(40),
            ..Default::default()
        };
        ListTasksResponse {
            tasks: vec![example(), blocked],
            total_size: 9,
            hidden_count: 3,
            next_page_token: "abc".into(),
            ..Default::default()
        }
    }

    /// F-157, rendering R4, R7.
    #[test]
    fn a_page_of_tasks() {
        insta::assert_snapshot!(list(&Look::plain(), &page()));
        insta::assert_snapshot!(footnote(&page()));
        insta::assert_snapshot!(footnote(&ListTasksResponse::default()));
        insta::assert_snapshot!(footnote(&ListTasksResponse { hidden_count: 2, ..Default::default() }));
    }

    /// rendering R4: a narrow terminal wraps within columns and stays within its width.
    #[test]
    fn a_narrow_terminal_is_respected() {
        let look = Look { width: Some(80), ..Look::plain() };
        for line in list(&look, &page()).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    proptest! {
        /// I-49, rendering R2: whatever a title holds, the list holds no control character and keeps a line per task.
        #[test]
        fn lists_are_clean(text in "(\\PC|\\pC|[\\x00-\\x9f]){0,60}") {
            let task = Task { id: text.clone(), title: text.clone(), waiting_for: text.clone(), agent_id: text.clone(), project_id: text, ..Default::default() };
            let rendered = rows(&Look::plain(), std::slice::from_ref(&task));
            prop_assert!(!rendered.chars().any(|c| c != '\n' && clean::is_unsafe(c)), "{rendered:?}");
            prop_assert_eq!(rendered.lines().count(), 2);
        }
    }
}

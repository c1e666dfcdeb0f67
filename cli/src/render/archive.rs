//! The archive.

use aq_proto::v1::{ArchiveTasksResponse, GetArchiveSettingsResponse, ListArchivedTasksResponse, TaskRef, TaskStatus};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::{amount, time, tone};
use crate::look::{Look, Tone};
use crate::words;

fn names(tasks: &[TaskRef]) -> String {
    tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>().join(", ")
}

/// What was archived, and what had to stay.
#[must_use]
pub(crate) fn archived(look: &Look, answer: &ArchiveTasksResponse) -> String {
    let gone = answer.archived.iter().map(|one| {
        let task = one.task.clone().unwrap_or_default();
        let waiting = if one.waiting.is_empty() { String::new() } else { format!("still waited for by {}", names(&one.waiting)) };
        let note = if one.note_error.is_empty() { waiting } else { one.note_error.clone() };
        row(&task, "archived", Tone::Good, &note)
    });
    let left = answer.left.iter().map(|one| row(&one.task.clone().unwrap_or_default(), "left", Tone::Warn, &one.reason));
    table(look, &["ID", "STATUS", "TITLE", "", "NOTE"], gone.chain(left))
}

fn row(task: &TaskRef, done: &str, how: Tone, note: &str) -> Vec<Cell> {
    vec![
        Cell::new(&task.id),
        Cell::new(words::upper::<TaskStatus>(task.status)).tone(tone::task(task.status)),
        Cell::new(&task.title),
        Cell::new(done).tone(how),
        Cell::new(note).tone(Tone::Dim),
    ]
}

/// A page of the archive.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListArchivedTasksResponse) -> String {
    table(
        look,
        &["ID", "PROJECT", "STATUS", "TITLE", "RUNS", "ARCHIVED"],
        page.tasks.iter().map(|entry| {
            let task = entry.task.clone().unwrap_or_default();
            vec![
                Cell::new(&task.id),
                Cell::new(&entry.project_id),
                Cell::new(words::upper::<TaskStatus>(task.status)).tone(tone::task(task.status)),
                Cell::new(&task.title),
                Cell::number(entry.last_run_number.to_string()),
                Cell::new(time::relative(look, entry.archived_at.as_ref())),
            ]
        }),
    )
}

/// When tasks are archived by themselves.
#[must_use]
pub(crate) fn settings(look: &Look, answer: &GetArchiveSettingsResponse) -> String {
    let mut sheet = Sheet::new(look, "Archive");
    sheet.field("by itself", if answer.enabled { "yes, once an hour" } else { "no" });
    let after = answer.after.as_ref().and_then(|after| u64::try_from(after.seconds).ok()).unwrap_or(0);
    sheet.field("after", time::length(after));
    let statuses: Vec<_> = answer.statuses.iter().map(|status| words::upper::<TaskStatus>(*status)).collect();
    sheet.field("statuses", statuses.join(", "));
    sheet.field("archived", amount::count(answer.archived_count, "task"));
    sheet.field("next sweep", amount::count(answer.eligible_count, "task"));
    sheet.field("files", &answer.note_folder);
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{ArchivedTask, ArchivedTaskEntry, NotArchivedTask};

    use super::*;

    fn reference(id: &str, status: TaskStatus) -> Option<TaskRef> {
        Some(TaskRef { id: id.into(), title: format!("Title of {id}"), status: status.into() })
    }

    /// F-164: what was archived, what stays and why.
    #[test]
    fn what_was_archived() {
        let answer = ArchiveTasksResponse {
            archived: vec![
                ArchivedTask { task: reference("calm-river", TaskStatus::Completed), note_path: "/a".into(), ..Default::default() },
                ArchivedTask {
                    task: reference("bold-lake", TaskStatus::Blocked),
                    waiting: reference("swift-falcon", TaskStatus::Defined).into_iter().collect(),
                    ..Default::default()
                },
            ],
            left: vec![NotArchivedTask {
                task: reference("kind-stone", TaskStatus::Completed),
                reason: "it has unfinished subtasks".into(),
            }],
            note_folder: "/home/archive".into(),
        };
        insta::assert_snapshot!(archived(&Look::plain(), &answer));
    }

    /// F-164: the archive and its settings.
    #[test]
    fn the_archive() {
        let at = Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - 7200, nanos: 0 });
        let entry = ArchivedTaskEntry {
            task: reference("calm-river", TaskStatus::Completed),
            project_id: "web".into(),
            archived_at: at,
            last_run_number: 2,
        };
        insta::assert_snapshot!(list(&Look::plain(), &ListArchivedTasksResponse { tasks: vec![entry], ..Default::default() }));
        let settings_answer = GetArchiveSettingsResponse {
            enabled: true,
            after: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
            statuses: vec![TaskStatus::Completed.into(), TaskStatus::Blocked.into()],
            archived_count: 12,
            eligible_count: 1,
            note_folder: "/home/archive".into(),
        };
        insta::assert_snapshot!(settings(&Look::plain(), &settings_answer));
    }
}

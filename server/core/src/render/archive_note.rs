//! The file that tells of an archived task (F-164): what it was, what it waited for, how it ended.

use std::fmt::Write as _;

use super::line::one_line;
use crate::ids::TaskId;
use crate::run::Run;
use crate::task::Task;

/// What the file is made of.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveNote<'a> {
    /// The task; its instant of archiving is set.
    pub task: &'a Task,
    /// What it waited for, in order.
    pub dependencies: &'a [TaskId],
    /// Its newest run that is over; `None`: it never ran.
    pub run: Option<&'a Run>,
}

/// The file as Markdown: a title, the fields that are set, the description, the result. Instants are UTC.
#[must_use]
pub fn archive_note(note: &ArchiveNote<'_>) -> String {
    let task = note.task;
    let mut text = format!("# {}\n\n", one_line(&task.title));
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _infallible = writeln!(text, "**{name}:** {}  ", one_line(value));
        }
    };
    field("Task ID", task.id.as_str());
    field("Project", task.project.as_str());
    field("Status", task.status.as_str());
    field("Blocked because", task.blocked_reason.map_or("", |reason| reason.as_str()));
    field("Priority", &task.priority.to_string());
    field("Type", task.task_type.map_or("", |kind| kind.as_str()));
    field("Branch", task.branch.as_deref().unwrap_or_default());
    field("PR", task.pr_url.as_deref().unwrap_or_default());
    field("Parent Task", task.parent.as_ref().map_or("", TaskId::as_str));
    field("Plan Subtask", if task.is_plan_subtask { "yes" } else { "" });
    field("Plan Source", task.plan_source.as_deref().unwrap_or_default());
    field("Dependencies", &note.dependencies.iter().map(TaskId::as_str).collect::<Vec<_>>().join(", "));
    field("Created", &task.created_at.to_string());
    field("Archived", &task.archived_at.map(|at| at.to_string()).unwrap_or_default());
    let _infallible = write!(text, "\n## Description\n\n{}\n\n## Result\n\n", task.description.trim());
    match note.run {
        None => text.push_str("_No execution result recorded._\n"),
        Some(run) => result(&mut text, run),
    }
    text
}

fn result(text: &mut String, run: &Run) {
    let mut say = |arguments: std::fmt::Arguments<'_>| {
        let _infallible = text.write_fmt(arguments);
    };
    let ended = run.end.as_ref().map_or("open", |end| end.result.as_str());
    say(format_args!("**Run:** {} by {} ({}), {ended}\n\n", run.id.number, run.agent, run.runtime));
    if !run.summary.trim().is_empty() {
        say(format_args!("### Summary\n\n{}\n\n", run.summary.trim()));
    }
    if !run.files_changed.is_empty() {
        say(format_args!("### Files Changed\n\n"));
        for file in &run.files_changed {
            say(format_args!("- `{}`\n", one_line(file)));
        }
        say(format_args!("\n"));
    }
    if !run.commit.is_empty() {
        say(format_args!("**Commit:** {}\n", run.commit));
    }
    say(format_args!("**Tokens Used:** {}\n", run.tokens.total()));
    if let Some(end) = run.end.as_ref().filter(|end| !end.message.trim().is_empty()) {
        let class = end.class.map_or("", |class| class.as_str());
        say(format_args!("\n### Error\n\n{}{}{}\n", class, if class.is_empty() { "" } else { ": " }, end.message.trim()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AgentId, ProjectId, RunRef, WorkspaceId};
    use crate::output::{FailureClass, TokenUsage};
    use crate::run::{RunEnd, RunResult};
    use crate::runtime::RuntimeKind;
    use crate::task::{BlockedReason, TaskStatus, TaskType};
    use crate::time::Timestamp;

    fn task() -> Task {
        let (id, project) = (TaskId::from_trusted("swift-falcon"), ProjectId::from_trusted("app"));
        let mut task = Task::new(id, project, "Fix\nthe login", "All of it.\n", Timestamp::from_millis(0));
        task.status = TaskStatus::Blocked;
        task.blocked_reason = Some(BlockedReason::RetriesExhausted);
        task.archived_at = Some(Timestamp::from_millis(86_400_000));
        task
    }

    /// F-164: only what is set is told.
    #[test]
    fn a_task_that_never_ran() {
        insta::assert_snapshot!(archive_note(&ArchiveNote { task: &task(), dependencies: &[], run: None }));
    }

    /// F-164: everything is told.
    #[test]
    fn a_task_with_its_result() {
        let mut task = task();
        task.task_type = Some(TaskType::Bugfix);
        task.branch = Some("swift-falcon/fix-the-login".into());
        task.pr_url = Some("https://example.org/1".into());
        task.parent = Some(TaskId::from_trusted("calm-river"));
        task.is_plan_subtask = true;
        task.plan_source = Some("plans/one.md".into());
        let id = RunRef { task: task.id.clone(), number: 3 };
        let space = WorkspaceId::from_trusted("ws-1");
        let mut run =
            Run::new(id, task.project.clone(), AgentId::from_trusted("orion"), RuntimeKind::Claude, space, Timestamp::from_millis(5));
        run.summary = "Looked at it.".into();
        run.files_changed = vec!["src/a.rs".into(), "b".into()];
        run.commit = "1".repeat(40);
        run.tokens = TokenUsage { input: 10, output: 5, ..TokenUsage::default() };
        run.end = Some(RunEnd { result: RunResult::Failed, class: Some(FailureClass::Agent), message: "no luck".into() });
        let dependencies = [TaskId::from_trusted("a-b"), TaskId::from_trusted("c-d")];
        insta::assert_snapshot!(archive_note(&ArchiveNote { task: &task, dependencies: &dependencies, run: Some(&run) }));
    }
}

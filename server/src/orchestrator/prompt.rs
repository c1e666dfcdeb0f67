//! The prompt an agent is given: what it works on, how, and what came before (F-070, F-009).

use std::fmt::Write as _;

use aq_core::ids::TaskId;
use aq_core::plan::TOLD_PATH;
use aq_core::project::Project;
use aq_core::runner_link::{WorkspaceOrder, WorkspaceSource};
use aq_core::task::{AttachmentKind, Task};

/// Most characters of an upstream task's summary that are quoted.
const SUMMARY_CHARS: usize = 2000;

/// The result of a direct dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upstream {
    /// The task.
    pub task: TaskId,
    /// Its title.
    pub title: String,
    /// The agent's own summary.
    pub summary: String,
    /// Files it changed.
    pub files_changed: Vec<String>,
}

/// Puts the prompt together. Sections without content are left out; the order is fixed.
#[must_use]
pub(super) fn assemble(task: &Task, project: &Project, workspace: &WorkspaceOrder, upstream: &[Upstream], failure: Option<&str>) -> String {
    let mut text = String::new();
    context(&mut text, project, workspace);
    rules(&mut text, task, project);
    if !upstream.is_empty() {
        text.push_str("## Completed upstream work\n\n");
    }
    for result in upstream {
        quoted(&mut text, result);
    }
    line(&mut text, format_args!("## Task: {}\n\n{}\n", task.title, task.description.trim()));
    section(&mut text, "Acceptance criteria", task, AttachmentKind::Criterion);
    if !task.test_commands.is_empty() {
        text.push_str("## Test commands\n\nThese run after you finish; the work counts only when they pass:\n\n");
        for command in &task.test_commands {
            line(&mut text, format_args!("- `{command}`"));
        }
        text.push('\n');
    }
    section(&mut text, "Additional context", task, AttachmentKind::Context);
    section(&mut text, "Tools", task, AttachmentKind::Tool);
    if let Some(failure) = failure {
        line(&mut text, format_args!("## What went wrong in the last try\n\n{}\n", failure.trim()));
    }
    text
}

/// Adds a line.
pub(super) fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(text, "{arguments}");
}

fn context(text: &mut String, project: &Project, workspace: &WorkspaceOrder) {
    line(text, format_args!("## Where you are\n\n- Project: {} (`{}`)", project.name, project.id));
    text.push_str("- The current directory is your own checkout of the repository; work only below it.\n");
    line(text, format_args!("- Branch: `{}`", workspace.branch));
    if !workspace.default_branch.is_empty() {
        line(text, format_args!("- It will be merged into `{}`.", workspace.default_branch));
    }
    if let WorkspaceSource::Link { .. } = workspace.source {
        text.push_str("- The repository is a person's own checkout; what you finish is brought there for you.\n");
    }
    text.push('\n');
}

fn rules(text: &mut String, task: &Task, project: &Project) {
    text.push_str(
        "## How you work\n\n\
         - You work on your own; nobody watches. Ask only when you cannot decide without a person.\n\
         - Do what the task asks for; do not stop at a plan unless a plan is the task.\n\
         - Commit what you finish with `git add` and `git commit`. Never push, never switch branches: checking and merging is done for you.\n\
         - Leave nothing running when you are done.\n",
    );
    if !task.is_plan_subtask {
        line(
            text,
            format_args!(
                "- Write a plan only when the task asks for one: to `{TOLD_PATH}` and nowhere else, background first, then one heading \
                 `## Phase 1: <what to do>` for each part of the work. It becomes tasks of its own; it is not merged."
            ),
        );
    }
    if task.is_plan_subtask {
        text.push_str("- This is one step of a larger plan. Write no plan of your own; where something is left open, decide and say so in a comment.\n");
    }
    if !project.test_commands.is_empty() && task.test_commands.is_empty() {
        line(text, format_args!("- Afterwards these commands must pass: {}.", project.test_commands.join("; ")));
    }
    text.push('\n');
}

fn quoted(text: &mut String, result: &Upstream) {
    line(text, format_args!("### {} (`{}`)\n", result.title, result.task));
    let summary = result.summary.trim();
    match summary.char_indices().nth(SUMMARY_CHARS) {
        Some((cut, _)) => line(text, format_args!("{}\n... [truncated]\n", &summary[..cut])),
        None if summary.is_empty() => {}
        None => line(text, format_args!("{summary}\n")),
    }
    if !result.files_changed.is_empty() {
        text.push_str("Files changed:\n");
        for file in &result.files_changed {
            line(text, format_args!("- `{file}`"));
        }
        text.push('\n');
    }
}

/// Adds the attachments of a kind under a heading, where there are any.
pub(super) fn section(text: &mut String, title: &str, task: &Task, kind: AttachmentKind) {
    let mut entries = task.attachments.iter().filter(|attachment| attachment.kind == kind).peekable();
    if entries.peek().is_none() {
        return;
    }
    line(text, format_args!("## {title}\n"));
    for entry in entries {
        match (entry.label.is_empty(), kind) {
            (true, AttachmentKind::Criterion) => line(text, format_args!("- {}", entry.content)),
            (true, _) => line(text, format_args!("{}\n", entry.content)),
            (false, _) => line(text, format_args!("### {}\n\n{}\n", entry.label, entry.content)),
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use aq_core::ids::{ProjectId, WorkspaceId};
    use aq_core::task::Attachment;
    use aq_core::time::Timestamp;

    use super::*;

    fn parts() -> (Task, Project, WorkspaceOrder) {
        let at = Timestamp::from_millis(0);
        let project = Project::new(ProjectId::parse("shop").unwrap(), "Shop", at);
        let task = Task::new(TaskId::parse("swift-fox").unwrap(), project.id.clone(), "Add a till", "Make it ring.", at);
        let workspace = WorkspaceOrder {
            id: WorkspaceId::parse("ws-1").unwrap(),
            source: WorkspaceSource::Clone { url: "/srv/shop".to_owned() },
            default_branch: "trunk".to_owned(),
            branch: "swift-fox/add-a-till".to_owned(),
        };
        (task, project, workspace)
    }

    fn headings(text: &str) -> Vec<&str> {
        text.lines().filter(|line| line.starts_with("## ")).collect()
    }

    /// F-009, D-05: criteria, context and tools reach the prompt, each in its section, in the order they were given.
    #[test]
    fn attachments_reach_the_prompt() {
        let (mut task, project, workspace) = parts();
        assert_eq!(
            headings(&assemble(&task, &project, &workspace, &[], None)),
            ["## Where you are", "## How you work", "## Task: Add a till"]
        );
        let attach = |kind, label: &str, content: &str| Attachment { kind, label: label.to_owned(), content: content.to_owned() };
        task.attachments = vec![
            attach(AttachmentKind::Tool, "linter", r#"{"command": "lint"}"#),
            attach(AttachmentKind::Criterion, "", "It rings."),
            attach(AttachmentKind::Criterion, "", "It rings once."),
            attach(AttachmentKind::Context, "log", "silence"),
        ];
        task.test_commands = vec!["make ring".to_owned()];
        let text = assemble(&task, &project, &workspace, &[], Some("It rang twice."));
        let sections =
            ["## Acceptance criteria", "## Test commands", "## Additional context", "## Tools", "## What went wrong in the last try"];
        assert_eq!(headings(&text)[3..], sections);
        assert!(text.contains("- It rings.\n- It rings once.\n"), "{text}");
        for part in ["- `make ring`", "### log\n\nsilence", "### linter\n\n{\"command\": \"lint\"}", "It rang twice."] {
            assert!(text.contains(part), "{part}");
        }
    }

    /// F-070, D-48: results of what the task waited for come before the task, cut at 2000 characters; the branch is the real one; a step of a
    /// plan is told so.
    #[test]
    fn earlier_results_come_first() {
        let (mut task, mut project, workspace) = parts();
        project.test_commands = vec!["make test".to_owned()];
        task.is_plan_subtask = true;
        let upstream = [Upstream {
            task: TaskId::parse("bold-owl").unwrap(),
            title: "Buy a bell".to_owned(),
            summary: "é".repeat(2001),
            files_changed: vec!["bell.txt".to_owned()],
        }];
        let text = assemble(&task, &project, &workspace, &upstream, None);
        assert_eq!(headings(&text)[2..], ["## Completed upstream work", "## Task: Add a till"]);
        assert!(text.contains("### Buy a bell (`bold-owl`)") && text.contains("- `bell.txt`"));
        assert!(text.contains(&format!("{}\n... [truncated]", "é".repeat(2000))) && !text.contains(&"é".repeat(2001)));
        assert!(text.contains("merged into `trunk`") && text.contains("one step of a larger plan") && text.contains("make test"));
    }
}

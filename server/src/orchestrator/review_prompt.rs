//! The prompt of a reviewer: what was to be done, where the work is, and the form of the verdict (F-084).
//!
//! The form itself lives in `aq_core::task`, next to what reads it.

use aq_core::project::Project;
use aq_core::runner_link::WorkspaceOrder;
use aq_core::task::{AttachmentKind, Task, VERDICT_FORM};

use super::prompt::{line, section};

/// Most characters of what the agent said of its work that are quoted.
const SAID_CHARS: usize = 4000;

/// Puts the prompt together. `said` is what the agent that did the work said of it; `failure` why the last review was not accepted.
#[must_use]
pub(super) fn assemble(task: &Task, project: &Project, workspace: &WorkspaceOrder, said: &str, failure: Option<&str>) -> String {
    let mut text = String::new();
    line(
        &mut text,
        format_args!("## What you do\n\nYou review the work of another agent on project {} (`{}`).\n", project.name, project.id),
    );
    line(
        &mut text,
        format_args!(
            "- The current directory is a checkout of the branch `{}`, which holds the work. All of it is committed.\n\
             - `git diff $(git for-each-ref --count=1 --format='%(objectname)' refs/remotes/origin)...HEAD` shows everything that would be merged, \
             `git log` with the same range its commits.\n\
             - Read the diff against the task below: does it do what was asked for, all of it and nothing else, and is it right? Read the code around \
             it where that helps, and run what helps you to judge.\n\
             - Change nothing: whatever you change is thrown away. Do not mend what is wrong, name it.\n\
             - Judge what matters to the person who asked; matters of taste are no reason to fail it.",
            workspace.branch
        ),
    );
    if task.is_plan_subtask {
        text.push_str("- The branch also holds the work of earlier steps of the same plan; judge only this step.\n");
    }
    line(&mut text, format_args!("\n## The task that was to be done: {}\n\n{}\n", task.title, task.description.trim()));
    section(&mut text, "Acceptance criteria", task, AttachmentKind::Criterion);
    section(&mut text, "Additional context", task, AttachmentKind::Context);
    let commands = if task.test_commands.is_empty() { &project.test_commands } else { &task.test_commands };
    if !commands.is_empty() {
        line(&mut text, format_args!("These commands have passed on the work: {}.\n", commands.join("; ")));
    }
    if !said.trim().is_empty() {
        let said: String = said.trim().chars().take(SAID_CHARS).collect();
        line(&mut text, format_args!("## What the agent said of its work\n\n{said}\n"));
    }
    if let Some(failure) = failure {
        line(&mut text, format_args!("## Why the last review was not accepted\n\n{}\n", failure.trim()));
    }
    line(&mut text, format_args!("## Your verdict\n\n{VERDICT_FORM}"));
    text
}

#[cfg(test)]
mod tests {
    use aq_core::ids::{ProjectId, TaskId, WorkspaceId};
    use aq_core::runner_link::WorkspaceSource;
    use aq_core::task::{Attachment, Verdict, read_verdict};
    use aq_core::time::Timestamp;

    use super::*;

    /// F-084: a reviewer is told the task, its criteria, what passed, what was said, and the form of the verdict; the form can be read.
    #[test]
    fn a_reviewer_is_told_what_to_judge() {
        let at = Timestamp::from_millis(0);
        let project =
            Project { test_commands: vec!["make test".to_owned()], ..Project::new(ProjectId::parse("shop").unwrap(), "Shop", at) };
        let mut task = Task::new(TaskId::parse("swift-fox").unwrap(), project.id.clone(), "Add a till", "Make it ring.", at);
        task.attachments = vec![Attachment { kind: AttachmentKind::Criterion, label: String::new(), content: "It rings once.".to_owned() }];
        let workspace = WorkspaceOrder {
            id: WorkspaceId::parse("ws-1").unwrap(),
            source: WorkspaceSource::Clone { url: "/srv/shop".to_owned() },
            default_branch: String::new(),
            branch: "swift-fox/add-a-till".to_owned(),
        };
        let text = assemble(&task, &project, &workspace, "I added a bell.", Some("the review gave no verdict"));
        for part in ["`swift-fox/add-a-till`", "Make it ring.", "- It rings once.", "make test", "I added a bell.", "gave no verdict"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(read_verdict(&text), Ok(Verdict::Pass), "the form ends the prompt");
    }
}

//! Projects.

use std::time::Duration;

use aq_proto::v1::{ListProjectsResponse, PlanApproval, Project, ProjectStatus, Runtime, TaskStatus, TaskStatusCount, Verification};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::{amount, time};
use crate::look::{Look, Tone};
use crate::words;

/// Numbers of tasks in words: `2 in progress, 5 ready`; empty for none.
#[must_use]
pub(crate) fn counts(counts: &[TaskStatusCount]) -> String {
    let shown = counts.iter().filter(|entry| entry.count > 0);
    shown.map(|entry| format!("{} {}", entry.count, words::phrase::<TaskStatus>(entry.status))).collect::<Vec<_>>().join(", ")
}

/// What a project had of all work, and what its weight is due, in percent; `None`: it takes no part at present.
fn share(project: &Project) -> Option<(f64, f64)> {
    let (due, deficit) = (project.due_share?, project.deficit?);
    Some(((due - deficit) * 100.0, due * 100.0))
}

/// A page of projects.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListProjectsResponse) -> String {
    table(
        look,
        &["ID", "NAME", "STATUS", "WEIGHT", "AGENTS", "WORKSPACES", "TOKENS", "SHARE", "TASKS"],
        page.projects.iter().map(|project| {
            let paused = project.status == i32::from(ProjectStatus::Paused);
            vec![
                Cell::new(&project.id),
                Cell::new(&project.name),
                Cell::new(words::upper::<ProjectStatus>(project.status)).tone(if paused { Tone::Warn } else { Tone::Plain }),
                Cell::number(project.credit_weight.to_string()),
                Cell::number(project.max_concurrent_agents.to_string()),
                Cell::number(project.workspace_count.to_string()),
                Cell::number(amount::tokens(project.window_tokens)),
                Cell::number(share(project).map(|(used, due)| format!("{used:.0} of {due:.0} %")).unwrap_or_default()),
                Cell::new(counts(&project.task_counts)),
            ]
        }),
    )
}

/// One project with everything.
#[must_use]
pub(crate) fn show(look: &Look, project: &Project) -> String {
    let mut sheet = Sheet::new(look, &format!("{}  {}", project.id, project.name));
    sheet.field("status", words::upper::<ProjectStatus>(project.status));
    sheet.field("weight", project.credit_weight.to_string());
    sheet.field("agents at most", project.max_concurrent_agents.to_string());
    let budget = project.budget_limit.map(|limit| format!("{} of {}", amount::tokens(project.window_tokens), amount::tokens(limit)));
    sheet.field("tokens in window", budget.unwrap_or_else(|| amount::tokens(project.window_tokens)));
    let share = share(project).map(|(used, due)| {
        let stands = match (due - used).round() {
            behind if behind >= 1.0 => format!(": {behind} % behind"),
            ahead if ahead <= -1.0 => format!(": {} % ahead", -ahead),
            _ => String::new(),
        };
        format!("{used:.0} % used, {due:.0} % due{stands}")
    });
    sheet.field("share in window", share.unwrap_or_default());
    sheet.field("repository", &project.repo_url).field("default branch", &project.default_branch);
    sheet.field("runtime", words::phrase::<Runtime>(project.default_runtime));
    let timeout = project
        .question_timeout
        .as_ref()
        .map(|time| humantime::format_duration(Duration::from_secs(u64::try_from(time.seconds).unwrap_or(0))).to_string());
    sheet.field("questions wait", timeout.unwrap_or_default());
    sheet.field("plans", words::phrase::<PlanApproval>(project.plan_approval));
    sheet.field("plans of finished work", if project.skip_plans_of_finished_work { "put away" } else { "" });
    sheet.field("work checked by", words::phrase::<Verification>(project.verification));
    let reviewer = [words::phrase::<Runtime>(project.reviewer_runtime), project.reviewer_agent_id.clone()];
    sheet.field("reviewer", reviewer.join(" ").trim());
    sheet.field("discord channel", &project.discord_channel_id);
    sheet.field("longest run", time::limit(project.time_limit.as_ref()));
    sheet.field("longest silence", time::limit(project.silence_limit.as_ref()));
    sheet.field("workspaces", project.workspace_count.to_string());
    sheet.field("tasks", counts(&project.task_counts));
    sheet.field("created", time::both(look, project.created_at.as_ref()));
    sheet.field("changed", time::both(look, project.updated_at.as_ref()));
    sheet.list("Test commands", &project.test_commands);
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-153: projects as a table and in detail.
    #[test]
    fn projects() {
        let project = Project {
            id: "web".into(),
            name: "Web".into(),
            status: ProjectStatus::Paused.into(),
            credit_weight: 2.5,
            max_concurrent_agents: 2,
            budget_limit: Some(5_000_000),
            window_tokens: 1_200_000,
            due_share: Some(0.75),
            deficit: Some(0.15),
            repo_url: "https://example.org/web.git".into(),
            workspace_count: 1,
            task_counts: vec![
                TaskStatusCount { status: TaskStatus::InProgress.into(), count: 2 },
                TaskStatusCount { status: TaskStatus::Failed.into(), count: 0 },
                TaskStatusCount { status: TaskStatus::Ready.into(), count: 5 },
            ],
            test_commands: vec!["make test".into()],
            ..Default::default()
        };
        insta::assert_snapshot!(show(&Look::plain(), &project));
        let ahead = show(&Look::plain(), &Project { due_share: Some(0.25), deficit: Some(-0.25), ..project.clone() });
        assert!(ahead.contains("50 % used, 25 % due: 25 % ahead"), "{ahead}");
        let even = show(&Look::plain(), &Project { due_share: Some(0.25), deficit: Some(-0.004), ..project.clone() });
        assert!(even.contains("25 % used, 25 % due\n"), "{even}");
        insta::assert_snapshot!(list(&Look::plain(), &ListProjectsResponse { projects: vec![project], ..Default::default() }));
    }
}

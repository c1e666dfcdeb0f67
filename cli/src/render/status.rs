//! How everything stands.

use aq_proto::v1::SystemStatus;

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::{agent, amount, project, time, tone};
use crate::look::{Look, Tone};
use crate::render::task;

/// The status with what waits for a person first.
#[must_use]
pub(crate) fn show(look: &Look, status: &SystemStatus) -> String {
    let server = status.server.clone().unwrap_or_default();
    let mut sheet = Sheet::new(look, &format!("aqd {}", server.version));
    let uptime = server.uptime.map(|uptime| time::length(uptime.seconds.max(0).unsigned_abs())).unwrap_or_default();
    let up = if server.ready { format!("ready, up {uptime}") } else { format!("recovering, up {uptime}") };
    sheet.toned("server", up, if server.ready { Tone::Good } else { Tone::Warn });
    sheet.toned("scheduling", if status.scheduling_paused { "paused; go on with: aqctl resume" } else { "" }, Tone::Warn);
    for hold in &status.holds {
        sheet.toned("held back", hold, Tone::Warn);
    }
    let waiting = waiting(status.question_count, status.approval_count);
    sheet.toned("waits for you", waiting, Tone::Warn);
    sheet.field("projects", status.project_count.to_string());
    let counts = project::counts(&status.task_counts);
    sheet.field("tasks", if counts.is_empty() { status.task_total.to_string() } else { format!("{}: {counts}", status.task_total) });
    sheet.table("Agents", &agent::rows(look, &status.agents));
    sheet.table("Running", &tasks(look, &status.running));
    sheet.table("Next", &tasks(look, &status.ready));
    sheet.finish()
}

fn waiting(questions: u32, approvals: u32) -> String {
    let questions = (questions > 0).then(|| format!("{} (aqctl questions)", amount::count(questions.into(), "question")));
    let approvals =
        (approvals > 0).then(|| format!("{} (aqctl task list --status awaiting-approval)", amount::count(approvals.into(), "approval")));
    [questions, approvals].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn tasks(look: &Look, tasks: &[aq_proto::v1::Task]) -> String {
    table(
        look,
        &["ID", "PROJECT", "STATUS", "AGENT", "SINCE", "TITLE"],
        tasks.iter().map(|entry| {
            vec![
                Cell::new(&entry.id),
                Cell::new(&entry.project_id),
                Cell::new(task::status(entry)).tone(tone::task(entry.status)),
                Cell::new(&entry.agent_id),
                Cell::new(time::relative(look, entry.started_at.as_ref().or(entry.created_at.as_ref()))),
                Cell::new(&entry.title),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{Agent, AgentState, Runtime, ServerInfo, TaskStatus, TaskStatusCount};

    use super::*;
    use crate::render::task::tests::example;

    /// F-151: counts, agents, what runs and what is next, the pause.
    #[test]
    fn how_everything_stands() {
        let status = SystemStatus {
            server: Some(ServerInfo {
                version: "0.1.0".into(),
                ready: true,
                uptime: Some(prost_types::Duration { seconds: 7_500, nanos: 0 }),
                ..Default::default()
            }),
            scheduling_paused: true,
            project_count: 2,
            task_counts: vec![TaskStatusCount { status: TaskStatus::InProgress.into(), count: 1 }],
            task_total: 7,
            agents: vec![Agent {
                id: "orion".into(),
                runtime: Runtime::Claude.into(),
                state: AgentState::Idle.into(),
                ..Default::default()
            }],
            running: vec![example()],
            ready: Vec::new(),
            question_count: 1,
            approval_count: 0,
            holds: vec!["The disk has less than 1 GiB left.".into()],
        };
        insta::assert_snapshot!(show(&Look::plain(), &status));
    }
}

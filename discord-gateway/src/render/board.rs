//! The board: how many tasks stand where in each project, what runs, what waits, and why.

use aq_proto::v1 as pb;

use super::style::{Style, boxed, reason_of, status_of};
use super::time::{moment, relative};
use crate::message::Message;
use crate::text::{clean, cut, inline, one_line, plural};

/// Most lines of each part.
const PROJECTS: usize = 10;
const RUNNING: usize = 8;
const WAITING: usize = 8;

fn counts(project: &pb::Project) -> String {
    let part = |count: &pb::TaskStatusCount| {
        let (word, emoji, _) = status_of(count.status());
        format!("{emoji} {} {}", count.count, word.to_lowercase().replace('_', " "))
    };
    let parts: Vec<String> = project.task_counts.iter().filter(|count| count.count > 0).map(part).collect();
    let paused = if project.status() == pb::ProjectStatus::Paused { "⏸️ paused · " } else { "" };
    let parts = if parts.is_empty() { "_no tasks_".to_owned() } else { parts.join(" · ") };
    format!("**{}** {paused}{parts}", clean(&project.id))
}

fn named(id: &str, title: &str) -> String {
    format!("{} {}", inline(id), cut(&one_line(title), 60))
}

/// Why a task waits for a person.
fn wants(task: &pb::Task) -> String {
    match task.status() {
        pb::TaskStatus::WaitingInput => "its agent asks: `/questions`".to_owned(),
        pb::TaskStatus::AwaitingApproval => "somebody has to approve its work".to_owned(),
        _ if task.waiting_for.is_empty() => reason_of(task.block_reason()),
        _ => cut(&one_line(&task.waiting_for), 120),
    }
}

fn more(text: &mut Vec<String>, shown: usize, all: usize) {
    if all > shown {
        text.push(format!("_…and {} more_", all - shown));
    }
}

/// The board of a project or of all.
pub(crate) fn board(
    status: &pb::SystemStatus,
    projects: &[pb::Project],
    people: &pb::ListTasksResponse,
    forecast: &[pb::TaskForecast],
    about: &str,
) -> Message {
    let mut lines: Vec<String> = Vec::new();
    if status.scheduling_paused {
        lines.push("⏸️ **Everything is paused.** `/orchestrator resume` goes on.".to_owned());
    }
    lines.extend(status.holds.iter().map(|hold| format!("⚠️ {}", clean(hold))));
    lines.extend(projects.iter().take(PROJECTS).map(counts));
    more(&mut lines, PROJECTS, projects.len());
    if projects.is_empty() {
        lines.push("_No project yet._ `/project create` makes one.".to_owned());
    }
    let mut running: Vec<String> = status
        .running
        .iter()
        .take(RUNNING)
        .map(|task| {
            let since = moment(task.started_at.as_ref()).map(|at| format!(" · began {}", relative(at))).unwrap_or_default();
            let agent = if task.agent_id.is_empty() { String::new() } else { format!(" · {}", clean(&task.agent_id)) };
            format!("{} {}\n-# {}{agent}{since}", status_of(task.status()).1, named(&task.id, &task.title), clean(&task.project_id))
        })
        .collect();
    more(&mut running, RUNNING, status.running.len());
    let mut yours: Vec<String> = people
        .tasks
        .iter()
        .take(WAITING)
        .map(|task| format!("{} {}\n-# {}", status_of(task.status()).1, named(&task.id, &task.title), wants(task)))
        .collect();
    let shown = yours.len();
    more(&mut yours, shown, usize::try_from(people.total_size).unwrap_or(usize::MAX));
    let mut queue: Vec<String> = forecast.iter().take(WAITING).map(queued).collect();
    more(&mut queue, WAITING, forecast.len());
    let style = if status.scheduling_paused || !status.holds.is_empty() { Style::Warning } else { Style::Info };
    let quiet = running.is_empty() && yours.is_empty() && queue.is_empty();
    let mut embed = boxed(style, format!("Board · {about}"), cut(&lines.join("\n"), 2000))
        .below(&format!("Running ({})", status.running.len()), running.join("\n"))
        .below(&format!("Waits for somebody ({})", people.total_size), yours.join("\n"))
        .below(&format!("Waits its turn ({})", forecast.len()), queue.join("\n"));
    if quiet {
        embed = embed.below("Nothing is under way", format!("{} in all. `/task add` makes the next.", plural(status.task_total, "task")));
    }
    Message::embed(embed)
}

fn queued(task: &pb::TaskForecast) -> String {
    let when = moment(task.starts_likely.as_ref()).map(|at| format!("starts {}", relative(at)));
    let reason = Some(cut(&one_line(&task.reason), 140)).filter(|reason| !reason.is_empty());
    let why: Vec<String> = [when, reason].into_iter().flatten().collect();
    let why = if why.is_empty() { "can start now".to_owned() } else { why.join(" · ") };
    format!("{} {}\n-# {why}", status_of(task.status()).1, named(&task.task_id, &task.title))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &Message) -> String {
        let embed = &message.embeds[0];
        embed
            .fields
            .iter()
            .fold(format!("{}\n{}", embed.title, embed.description), |text, field| format!("{text}\n[{}]\n{}", field.name, field.value))
    }

    /// Commands R8: counts by status, what runs, what waits for somebody or for its turn, and why.
    #[test]
    fn a_board_says_what_waits_and_why() {
        let count = |status: pb::TaskStatus, count| pb::TaskStatusCount { status: status.into(), count };
        let project = pb::Project {
            id: "app".into(),
            task_counts: vec![count(pb::TaskStatus::InProgress, 1), count(pb::TaskStatus::Failed, 0), count(pb::TaskStatus::Blocked, 2)],
            ..Default::default()
        };
        let task = |id: &str, status: pb::TaskStatus| pb::Task {
            id: id.into(),
            title: format!("Title of {id}"),
            project_id: "app".into(),
            status: status.into(),
            ..Default::default()
        };
        let blocked = pb::Task { block_reason: pb::BlockReason::MergeConflict.into(), ..task("b", pb::TaskStatus::Blocked) };
        let status = pb::SystemStatus { running: vec![task("r", pb::TaskStatus::InProgress)], task_total: 3, ..Default::default() };
        let people =
            pb::ListTasksResponse { tasks: vec![task("q", pb::TaskStatus::WaitingInput), blocked], total_size: 12, ..Default::default() };
        let queue = pb::TaskForecast {
            task_id: "w".into(),
            title: "Later".into(),
            status: pb::TaskStatus::Ready.into(),
            reason: "every agent is busy".into(),
            ..Default::default()
        };
        insta::assert_snapshot!(text(&board(&status, &[project], &people, &[queue], "app")), @"
        ℹ️ Board · app
        **app** 🟡 1 in progress · ⛔ 2 blocked
        [Running (1)]
        🟡 `r` Title of r
        -# app
        [Waits for somebody (12)]
        💬 `q` Title of q
        -# its agent asks: `/questions`
        ⛔ `b` Title of b
        -# merge conflict
        _…and 10 more_
        [Waits its turn (1)]
        🔵 `w` Later
        -# every agent is busy
        ");
    }

    /// Commands R8: a board of nothing says what to do next.
    #[test]
    fn an_empty_board() {
        let made = board(&pb::SystemStatus::default(), &[], &pb::ListTasksResponse::default(), &[], "everything");
        insta::assert_snapshot!(text(&made), @"
        ℹ️ Board · everything
        _No project yet._ `/project create` makes one.
        [Nothing is under way]
        0 tasks in all. `/task add` makes the next.
        ");
    }
}

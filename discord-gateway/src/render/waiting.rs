//! Why a task waits, and when tasks are expected to start and end.

use aq_proto::v1 as pb;

use super::style::{Style, boxed, status_of};
use super::time::{moment, relative};
use crate::message::Message;
use crate::text::{clean, cut, inline, one_line, plural};

/// Why a task is not done yet.
pub(crate) fn explanation(answer: &pb::ExplainTaskResponse) -> Message {
    let (id, title, status) = answer.task.as_ref().map_or((String::new(), String::new(), status_of(pb::TaskStatus::Unspecified)), |task| {
        (inline(&task.id), one_line(&task.title), status_of(task.status()))
    });
    let reasons: Vec<String> = answer
        .reasons
        .iter()
        .take(10)
        .map(|reason| {
            let until = moment(reason.until.as_ref()).map(|at| format!(" ({})", relative(at))).unwrap_or_default();
            format!("• {}{until}", clean(&reason.text))
        })
        .collect();
    let mut embed =
        boxed(Style::Info, format!("{} {title}", status.1), clean(&answer.sentence)).beside("Task", id).beside("Status", status.0);
    status.2.clone_into(&mut embed.colour);
    if let Some(at) = moment(answer.expected_at.as_ref()) {
        embed = embed.beside("Expected", relative(at));
    }
    if answer.ahead > 0 {
        embed = embed.beside("Ahead of it", answer.ahead.to_string());
    }
    Message::embed(embed.below("Because", reasons.join("\n")))
}

/// When the tasks that wait are expected.
pub(crate) fn forecast(answer: &pb::ForecastTasksResponse) -> Message {
    if answer.tasks.is_empty() {
        return Message::embed(boxed(Style::Info, "Forecast", "_Nothing waits._"));
    }
    let mut lines = Vec::new();
    for task in answer.tasks.iter().take(20) {
        let when = match (moment(task.starts_likely.as_ref()), moment(task.ends_likely.as_ref())) {
            (Some(start), Some(end)) => format!("starts {}, done {}", relative(start), relative(end)),
            _ => clean(&task.reason),
        };
        lines.push(format!("{} {} {}\n-# {when}", status_of(task.status()).1, inline(&task.task_id), cut(&one_line(&task.title), 70)));
    }
    if answer.truncated || answer.tasks.len() > 20 {
        lines.push("_…and more_".to_owned());
    }
    let from = if answer.past_runs == 0 {
        "No run has ended yet, so lengths are not known.".to_owned()
    } else {
        format!("From {}.", plural(answer.past_runs.into(), "past run"))
    };
    Message::embed(boxed(Style::Info, "Forecast", lines.join("\n")).below("How", from))
}

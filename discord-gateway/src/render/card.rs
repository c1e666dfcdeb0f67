//! The card of a run: one message in the channel, edited in place, that says how it stands.

use aq_proto::v1 as pb;
use pb::output_item::Body;
use pb::{RunState, TaskStatus};

use super::style::status_of;
use super::time::{elapsed, moment, relative, stamp};
use crate::custom_id::{Action, Verb, write};
use crate::message::{Button, ButtonStyle, Embed, Message};
use crate::text::{clean, cut, grouped, inline, one_line, plural};

/// What the agent did last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// In one line.
    pub(crate) text: String,
    /// Model tokens so far, as far as the stream has told.
    pub(crate) tokens: u64,
}

/// What an item of the output says about the last step; `None`: nothing.
pub(crate) fn step(body: &Body) -> Option<String> {
    let text = match body {
        Body::ToolCall(call) if call.summary.is_empty() => format!("🔧 {}", one_line(&call.name)),
        Body::ToolCall(call) => format!("🔧 {} {}", one_line(&call.name), inline(&cut(&call.summary, 80))),
        Body::Text(text) => format!("💬 {}", one_line(&text.text)),
        Body::Thinking(text) => format!("💭 {}", one_line(&text.text)),
        Body::Note(note) => one_line(&note.text),
        Body::Line(line) => one_line(&line.text),
        Body::Error(error) => format!("⚠️ {}", one_line(&error.text)),
        _ => return None,
    };
    Some(cut(&text, 160)).filter(|text| !text.trim().is_empty())
}

/// The card. `mark` is what it is found by.
pub(crate) fn card(task: &pb::Task, run: &pb::Run, last: &Step, mark: &str, foreign: bool) -> Message {
    let over = run.state() == RunState::Ended;
    let current = task.last_run_number == run.number;
    let status = if over && !current { TaskStatus::Failed } else { task.status() };
    let (word, emoji, colour) = status_of(status);
    let project = if foreign { format!("[{}] ", task.project_id) } else { String::new() };
    let mut text = Vec::new();
    if task.subtask_count > 0 {
        let (done, all) = (task.subtask_completed_count.min(task.subtask_count), task.subtask_count);
        let cells: String = (0..all.min(20)).map(|cell| if cell * all < done * all.min(20) { '▰' } else { '▱' }).collect();
        text.push(format!("{cells} {done} of {}", plural(all.into(), "step")));
    }
    if over && !run.message.is_empty() {
        text.push(cut(&clean(&run.message), 600));
    } else if !last.text.is_empty() && !over {
        text.push(format!("-# {}", last.text));
    }
    let started = run.started_at.as_ref().or(run.created_at.as_ref());
    let length = match (moment(started), moment(run.ended_at.as_ref())) {
        (Some(from), Some(to)) => elapsed(to.0 - from.0),
        (Some(from), None) => format!("since {}", relative(from)),
        _ => String::new(),
    };
    let told = run.usage.as_ref().map_or(0, total);
    let tokens = told.max(if over { 0 } else { last.tokens });
    let number = match (current, task.retry_count) {
        (true, failed @ 1..) if tries(task) > 1 => format!("{} · {failed} of {} tries failed", run.number, tries(task)),
        _ => run.number.to_string(),
    };
    let embed = Embed {
        title: format!("{emoji} {project}{}", clean(&task.title)),
        description: text.join("\n"),
        colour,
        footer: format!("AgentQueue · {} · {mark}", task.id),
        timestamp: stamp(started),
        ..Embed::default()
    };
    let state = if current || !over { word.to_owned() } else { "ENDED".to_owned() };
    let embed = embed
        .beside("Status", state)
        .beside("Agent", clean(&run.agent_id))
        .beside("Time", length)
        .beside("Run", number)
        .beside("Tokens", if tokens > 0 { grouped(tokens) } else { String::new() })
        .below("Branch", if run.branch.is_empty() { String::new() } else { inline(&run.branch) });
    let button = |verb, label: &str, emoji, style| write(&Action::On(verb, task.id.clone())).map(|id| Button::new(id, label, emoji, style));
    let mut buttons = Vec::new();
    if !over && current {
        buttons.extend(button(Verb::Stop, "Stop", "🛑", ButtonStyle::Secondary));
    }
    buttons.extend(button(Verb::Details, "Details", "🔎", ButtonStyle::Secondary));
    Message::embed(embed).with_buttons(buttons)
}

/// Tries in all before the task is blocked; the first one is always made.
pub(super) fn tries(task: &pb::Task) -> u32 {
    task.max_retries.max(1)
}

/// Model tokens of all kinds.
pub(crate) fn total(usage: &pb::TokenUsage) -> u64 {
    usage.input + usage.output + usage.cache_read + usage.cache_write
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D-96, runs R1: a card has the number of its run, and the newest one how many tries of how many have failed.
    #[test]
    fn tries_are_counted() {
        let shown = |number, retry_count, max_retries| {
            let task = pb::Task { id: "swift-falcon".into(), last_run_number: 7, retry_count, max_retries, ..Default::default() };
            let made = card(&task, &pb::Run { number, ..Default::default() }, &Step::default(), "event 1", false);
            made.embeds[0].fields.iter().find(|field| field.name == "Run").unwrap().value.clone()
        };
        assert_eq!([shown(7, 0, 3), shown(7, 2, 3), shown(6, 2, 3), shown(7, 1, 1)], ["7", "7 · 2 of 3 tries failed", "6", "7"]);
    }
}

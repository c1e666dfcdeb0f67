//! Questions of agents: what is asked, until when, what happens else, and one button for each answer.

use aq_proto::v1 as pb;
use pb::QuestionKind;

use super::style::{Style, boxed};
use super::time::{moment, relative};
use crate::custom_id::{Action, Verb, fingerprint, write};
use crate::message::{Button, ButtonStyle, Choice, Message, Select};
use crate::text::{clean, cut, fenced, inline, one_line};

/// Most answers that get a button of their own.
const BUTTONS: usize = 4;

/// What happens when nobody answers.
fn otherwise(default: &str) -> &'static str {
    match default {
        "deny" => "the tool is not used",
        "pause" => "the agent is freed and the task is paused",
        _ => "the agent is freed and the task waits",
    }
}

/// A question that waits for an answer.
pub(crate) fn question(pending: &pb::PendingQuestion) -> Message {
    let empty = pb::Question::default();
    let asked = pending.question.as_ref().unwrap_or(&empty);
    let name = fingerprint(&asked.question_id);
    let kind = asked.kind();
    let what = match kind {
        QuestionKind::Permission => "Permission wanted",
        QuestionKind::PlanApproval => "Plan to approve",
        _ => "Agent Question",
    };
    let quoted: Vec<String> = cut(&clean(&asked.text), 800).lines().map(|line| format!("> {line}")).collect();
    let mut embed = boxed(Style::Warning, format!("{what}: {}", one_line(&pending.title)), quoted.join("\n"))
        .beside("Task ID", inline(&pending.task_id))
        .beside("Project", inline(&pending.project_id))
        .beside("Agent", inline(&pending.agent_id));
    embed.colour = 0x1A_BC9C;
    if kind == QuestionKind::Permission {
        embed = embed.beside("Tool", inline(&asked.tool)).below("Input", fenced(&cut(&asked.detail, 700), "json"));
    } else if !asked.detail.is_empty() {
        embed = embed.below("Plan", cut(&clean(&asked.detail), 1000));
    }
    for option in asked.options.iter().filter(|option| !option.description.is_empty()).take(BUTTONS) {
        embed = embed.below(&cut(&one_line(&option.label), 200), cut(&one_line(&option.description), 200));
    }
    if let Some(deadline) = moment(pending.deadline.as_ref()) {
        embed = embed.below("If nobody answers", format!("{} {}", relative(deadline), otherwise(&pending.default_action)));
    }
    let task = || pending.task_id.clone();
    let button = |action: Action, label: &str, emoji, style| write(&action).map(|id| Button::new(id, one_line(label), emoji, style));
    let allow = |always| Action::Allow { task: task(), question: name.clone(), always };
    let deny = Action::Deny { task: task(), question: name.clone() };
    let mut buttons = Vec::new();
    let mut message = Message::embed(embed);
    match kind {
        QuestionKind::Permission => {
            buttons.extend(button(allow(false), "Allow once", "✅", ButtonStyle::Success));
            buttons.extend(button(allow(true), "Allow for this task", "🔓", ButtonStyle::Secondary));
            buttons.extend(button(deny, "Deny", "✖️", ButtonStyle::Danger));
        }
        QuestionKind::PlanApproval => {
            buttons.extend(button(allow(false), "Approve plan", "✅", ButtonStyle::Success));
            buttons.extend(button(deny, "Reject", "✖️", ButtonStyle::Danger));
        }
        _ if asked.options.len() > BUTTONS => {
            let choice = |option: &pb::QuestionOption| Choice {
                label: one_line(&option.label),
                value: cut(&option.label, 100),
                description: one_line(&option.description),
            };
            if let Some(id) = write(&Action::Option { task: task(), question: name.clone(), index: None }) {
                let choices = asked.options.iter().map(choice).collect();
                message = message.with_select(Select { id, placeholder: "Choose an answer".to_owned(), choices });
            }
        }
        _ => {
            for (index, option) in (0_u8..).zip(&asked.options) {
                let action = Action::Option { task: task(), question: name.clone(), index: Some(index) };
                buttons.extend(button(action, &option.label, "", ButtonStyle::Primary));
            }
        }
    }
    buttons.extend(button(Action::On(Verb::Reply, task()), "Reply", "💬", ButtonStyle::Secondary));
    buttons.extend(button(Action::On(Verb::Stop, task()), "Stop", "🛑", ButtonStyle::Secondary));
    message.with_buttons(buttons)
}

/// The same when it no longer waits: what was answered, and by whom.
pub(crate) fn settled(asked: &Message, answer: &str) -> Message {
    let mut message = asked.clone();
    message.rows.clear();
    if let Some(embed) = message.embeds.first_mut() {
        embed.fields.retain(|field| field.name != "If nobody answers");
        *embed = embed.clone().below("Answer", answer);
        embed.colour = Style::Success.colour();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Row;

    fn pending(kind: QuestionKind, options: usize) -> pb::PendingQuestion {
        let option = |n: usize| pb::QuestionOption { label: format!("Way {n}"), description: String::new() };
        pb::PendingQuestion {
            task_id: "swift-falcon".into(),
            title: "Fix it".into(),
            question: Some(pb::Question {
                question_id: "q".into(),
                kind: kind.into(),
                text: "Which?\n@everyone".into(),
                tool: "Bash".into(),
                detail: "{\"command\":\"rm\"}".into(),
                options: (0..options).map(option).collect(),
            }),
            deadline: Some(prost_types::Timestamp { seconds: 500, nanos: 0 }),
            default_action: "deny".into(),
            ..Default::default()
        }
    }

    /// F-216, F-218: each kind has its answers; the deadline and what happens else are said.
    #[test]
    fn each_kind_has_its_answers() {
        for (kind, options, labels) in [
            (QuestionKind::Permission, 0, vec!["Allow once", "Allow for this task", "Deny", "Reply", "Stop"]),
            (QuestionKind::PlanApproval, 0, vec!["Approve plan", "Reject", "Reply", "Stop"]),
            (QuestionKind::Question, 2, vec!["Way 0", "Way 1", "Reply", "Stop"]),
            (QuestionKind::Question, 9, vec!["Reply", "Stop"]),
        ] {
            let message = question(&pending(kind, options));
            let shown: Vec<&str> = message
                .rows
                .iter()
                .flat_map(|row| match row {
                    Row::Buttons(buttons) => buttons.iter().map(|button| button.label.as_str()).collect(),
                    Row::Select(select) => {
                        assert_eq!(select.choices.len(), 9);
                        Vec::new()
                    }
                })
                .collect();
            assert_eq!(shown, labels);
            let embed = &message.embeds[0];
            assert!(embed.description.contains("> @\u{200b}everyone"));
            assert_eq!(embed.fields.last().unwrap().value, "<t:500:R> the tool is not used");
        }
        let over = settled(&question(&pending(QuestionKind::Permission, 0)), "allowed by Alice");
        assert!(over.rows.is_empty() && over.embeds[0].fields.last().unwrap().value == "allowed by Alice");
    }
}

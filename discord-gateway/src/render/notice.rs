//! Notices: one box for each thing that people are told about (F-216), with what can be done about it.

use aq_proto::v1 as pb;
use pb::BlockReason;

use super::card::{total, tries};
use super::failure::cause_of;
use super::style::{Style, boxed, reason_of, sentence, status_of};
use crate::custom_id::{Action, Verb, write};
use crate::message::{Button, ButtonStyle, Embed, Message};
use crate::text::{clean, cut, fenced, grouped, inline, one_line};

/// Facts of an event by name.
type Facts<'a> = &'a std::collections::HashMap<String, String>;

fn fact<'a>(facts: Facts<'a>, name: &str) -> &'a str {
    facts.get(name).map_or("", String::as_str)
}

/// A list in an attribute: JSON, or words with commas.
fn listed(text: &str) -> Vec<String> {
    serde_json::from_str(text)
        .unwrap_or_else(|_| text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
}

fn few(items: &[String], most: usize) -> String {
    let shown: Vec<String> = items.iter().take(most).map(|item| inline(item)).collect();
    match items.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} +{more} more", shown.join(", ")),
    }
}

fn about(style: Style, what: &str, task: &pb::Task) -> Embed {
    boxed(style, format!("{what}: {}", one_line(&task.title)), "")
        .beside("Task ID", inline(&task.id))
        .beside("Project", inline(&task.project_id))
}

fn buttons(task: &str, wanted: &[(Verb, &str, &'static str, ButtonStyle)]) -> Vec<Button> {
    let made = |(verb, label, emoji, style): &(Verb, &str, &'static str, ButtonStyle)| {
        write(&Action::On(*verb, task.to_owned())).map(|id| Button::new(id, *label, emoji, *style))
    };
    wanted.iter().filter_map(made).collect()
}

/// A task is done.
pub(crate) fn completed(task: &pb::Task, run: Option<&pb::Run>, event: Facts<'_>) -> Message {
    let skipped = fact(event, "trigger").contains("skip");
    let mut embed = about(Style::Success, if skipped { "Task Skipped" } else { "Task Completed" }, task);
    if let Some(run) = run {
        embed = embed
            .beside("Agent", inline(&run.agent_id))
            .beside("Tokens Used", run.usage.as_ref().map(total).filter(|tokens| *tokens > 0).map(grouped).unwrap_or_default())
            .below("Summary", cut(&clean(&run.message), 1000));
        if !run.files_changed.is_empty() {
            embed = embed.below("Files Changed", few(&run.files_changed, 12));
        }
    }
    Message::embed(embed).with_buttons(buttons(
        &task.id,
        &[
            (Verb::Diff, "Changes", "📄", ButtonStyle::Secondary),
            (Verb::Reopen, "Reopen", "💬", ButtonStyle::Secondary),
            (Verb::Details, "Details", "🔎", ButtonStyle::Secondary),
        ],
    ))
}

/// A run of a task failed; another try follows. The event says how it was then: the task may have failed again since, and its last error is
/// that of a later run.
pub(crate) fn failed(task: &pb::Task, run: u32, event: Facts<'_>, error: Option<&pb::GetTaskErrorResponse>) -> Message {
    let error = error.filter(|error| error.run.as_ref().is_none_or(|of| run == 0 || of.number == run));
    let message = error.map_or_else(|| fact(event, "context"), |error| error.message.as_str());
    let count = fact(event, "retry_count").parse().unwrap_or(task.retry_count);
    let found = cause_of(error, message);
    let hint = error.map(|error| error.hint.as_str()).filter(|hint| !hint.is_empty()).unwrap_or(found.hint);
    let detail = if message.is_empty() { String::new() } else { fenced(&cut(message, 300), "") };
    let agent = error.and_then(|error| error.run.as_ref()).map(|run| inline(&run.agent_id)).unwrap_or_default();
    let embed = about(Style::Error, "Task Failed", task)
        .beside("Agent", agent)
        .beside("Tries", format!("{count} of {} failed", tries(task)))
        .beside("Error Type", found.label)
        .below("Error Detail", detail)
        .below("Suggestion", format!("💡 {}", sentence(&clean(hint))))
        .below("Next Step", "It is tried again by itself. `/task error` shows the whole error.");
    Message::embed(embed).with_buttons(buttons(
        &task.id,
        &[
            (Verb::Restart, "Retry now", "🔄", ButtonStyle::Primary),
            (Verb::Skip, "Skip", "⏭️", ButtonStyle::Secondary),
            (Verb::Error, "View error", "🔍", ButtonStyle::Secondary),
        ],
    ))
}

/// A task needs somebody.
pub(crate) fn blocked(task: &pb::Task, error: Option<&pb::GetTaskErrorResponse>) -> Message {
    let reason = task.block_reason();
    let message = error.map_or("", |error| error.message.as_str());
    let action = match reason {
        BlockReason::RetriesExhausted if tries(task) == 1 => "Its only try failed. Restart it, skip it, or change it first.".to_owned(),
        BlockReason::RetriesExhausted => format!("All {} tries failed. Restart it, skip it, or change it first.", tries(task)),
        BlockReason::MergeConflict => {
            "Its work conflicts with the target branch. Its branch is kept; a repair task can resolve it.".to_owned()
        }
        BlockReason::PushFailed => {
            "Its work could not be brought to the remote. Its branch is kept; land it again when the remote is well.".to_owned()
        }
        BlockReason::Proposed => "An agent proposes it. Approve it, or delete it.".to_owned(),
        BlockReason::OperatorStop => "Somebody stopped it. Restart it when it shall go on.".to_owned(),
        _ if !task.waiting_for.is_empty() => clean(&task.waiting_for),
        _ => "Look at it, then restart or skip it.".to_owned(),
    };
    let style = if matches!(reason, BlockReason::OperatorStop | BlockReason::Proposed) { Style::Warning } else { Style::Critical };
    let what = match reason {
        BlockReason::OperatorStop => "Task Stopped",
        BlockReason::Proposed => "Task Proposed",
        BlockReason::MergeConflict => "Merge Conflict",
        BlockReason::PushFailed => "Push Failed",
        _ => "Task Blocked",
    };
    let kind = if message.is_empty() { String::new() } else { cause_of(error, message).label.to_owned() };
    let embed = about(style, what, task)
        .beside("Status", format!("{} · {}", status_of(task.status()).0, reason_of(reason)))
        .beside("Last Error Type", kind)
        .below("Error Detail", if message.is_empty() { String::new() } else { fenced(&cut(message, 300), "") })
        .below("Suggestion", error.map(|error| sentence(&clean(&error.hint))).unwrap_or_default())
        .below("Action Required", action);
    let mut wanted = Vec::new();
    match reason {
        BlockReason::Proposed => {
            wanted.push((Verb::Approve, "Approve", "✅", ButtonStyle::Success));
            wanted.push((Verb::DeleteSure, "Delete", "🗑️", ButtonStyle::Danger));
        }
        BlockReason::MergeConflict => {
            wanted.push((Verb::Repair, "Repair task", "🛠️", ButtonStyle::Primary));
            wanted.push((Verb::Restart, "Restart", "🔄", ButtonStyle::Secondary));
        }
        BlockReason::PushFailed | BlockReason::TargetDirty => {
            wanted.push((Verb::Approve, "Land it again", "✅", ButtonStyle::Success));
            wanted.push((Verb::Restart, "Restart", "🔄", ButtonStyle::Secondary));
        }
        _ => wanted.push((Verb::Restart, "Restart", "🔄", ButtonStyle::Primary)),
    }
    if reason != BlockReason::Proposed {
        wanted.push((Verb::Skip, "Skip", "⏭️", ButtonStyle::Secondary));
        wanted.push((Verb::Error, "View error", "🔍", ButtonStyle::Secondary));
    }
    Message::embed(embed).with_buttons(buttons(&task.id, &wanted))
}

/// The work of a task waits for somebody's yes.
pub(crate) fn approval(task: &pb::Task, run: Option<&pb::Run>, reminder: bool) -> Message {
    let what = if reminder { "Still waiting for approval" } else { "Approval wanted" };
    let mut embed = about(Style::Warning, what, task).beside("Status", "AWAITING_APPROVAL");
    if !task.pull_request_url.is_empty() {
        embed = embed.below("Pull Request", clean(&task.pull_request_url));
        embed.url.clone_from(&task.pull_request_url);
    }
    if let Some(run) = run {
        embed = embed.below("Summary", cut(&clean(&run.message), 1000));
        if !run.files_changed.is_empty() {
            embed = embed.below("Files Changed", few(&run.files_changed, 12));
        }
    }
    Message::embed(embed).with_buttons(buttons(
        &task.id,
        &[
            (Verb::Approve, "Approve", "✅", ButtonStyle::Success),
            (Verb::Reject, "Reject", "✖️", ButtonStyle::Danger),
            (Verb::Diff, "Changes", "📄", ButtonStyle::Secondary),
            (Verb::Restart, "Restart", "🔄", ButtonStyle::Secondary),
        ],
    ))
}

/// A pull request was opened.
pub(crate) fn pull_request(task: &pb::Task, event: Facts<'_>) -> Message {
    let url = fact(event, "url");
    let mut embed = about(Style::Info, "Pull Request", task)
        .beside("Status", status_of(task.status()).0)
        .below("Pull Request", format!("{}\nReview and merge it to complete the task.", clean(url)));
    url.clone_into(&mut embed.url);
    Message::embed(embed).with_buttons(buttons(
        &task.id,
        &[(Verb::Approve, "Approve", "✅", ButtonStyle::Success), (Verb::Restart, "Restart", "🔄", ButtonStyle::Secondary)],
    ))
}

/// Tasks wait behind one that cannot go on.
pub(crate) fn chain_stuck(event: Facts<'_>) -> Message {
    let head = fact(event, "blocked_task");
    let stuck = listed(fact(event, "stuck"));
    let embed = boxed(Style::Critical, format!("Chain Stuck: {head}"), "Tasks wait behind it that cannot start.")
        .beside("Blocked Task", inline(head))
        .beside("Affected Tasks", stuck.len().to_string())
        .below("Downstream Tasks", few(&stuck, 10))
        .below("Actions", "Skip it to let them go on, or restart it.");
    Message::embed(embed).with_buttons(buttons(
        head,
        &[(Verb::Skip, "Skip", "⏭️", ButtonStyle::Primary), (Verb::Restart, "Restart", "🔄", ButtonStyle::Secondary)],
    ))
}

/// A task has waited for long.
pub(crate) fn stuck(task: &pb::Task, event: Facts<'_>) -> Message {
    let behind = listed(fact(event, "waiting_on"));
    let embed = about(Style::Warning, "Stuck", task)
        .below("Blocking Dependencies", few(&behind, 5))
        .below(if behind.is_empty() { "Note" } else { "Actions" }, clean(&task.waiting_for));
    Message::embed(embed).with_buttons(buttons(&task.id, &[(Verb::Explain, "Explain", "❔", ButtonStyle::Secondary)]))
}

/// A budget crossed a level, or is used up.
pub(crate) fn budget(project: &str, event: Facts<'_>, exhausted: bool) -> Message {
    let number = |name: &str| fact(event, name).parse::<u64>().unwrap_or(0);
    let (used, limit) = (number("used"), number("limit"));
    let percent = number("percent");
    let style = if exhausted || percent >= 95 {
        Style::Critical
    } else if percent >= 90 {
        Style::Error
    } else {
        Style::Warning
    };
    let title = if exhausted { "Budget used up".to_owned() } else { format!("Budget at {percent} %") };
    let scope = if project.is_empty() { fact(event, "scope").to_owned() } else { project.to_owned() };
    Message::embed(
        boxed(style, title, if exhausted { "Nothing more starts for it until there is room again." } else { "" })
            .beside("Project", inline(if scope.is_empty() { "all" } else { &scope }))
            .beside("Used", grouped(used))
            .beside("Limit", grouped(limit))
            .beside("Remaining", grouped(limit.saturating_sub(used))),
    )
}

/// A plan became no tasks, because its task did the work itself (D-60).
pub(crate) fn plan_put_away(event: &pb::Event) -> Message {
    let facts = &event.attributes;
    let title = format!("Plan put away: {}", one_line(fact(facts, "title")));
    Message::embed(
        boxed(Style::Info, title, sentence(&clean(fact(facts, "reason"))))
            .beside("Parent Task", inline(&event.task_id))
            .beside("Project", inline(&event.project_id))
            .below("Its steps", few(&listed(fact(facts, "titles")), 10))
            .below("To make tasks of it all the same", fenced(fact(facts, "action"), "")),
    )
}

/// An agent wrote a plan.
pub(crate) fn plan(plan: &pb::Plan, steps: &[pb::PlanStep]) -> Message {
    let waits = plan.state() == pb::PlanState::Proposed;
    let title = format!("Plan: {}", one_line(&plan.title));
    let text = if waits { "Its steps become tasks when it is approved." } else { "Its steps became tasks." };
    let mut embed =
        boxed(Style::Info, title, text).beside("Parent Task", inline(&plan.task_id)).beside("Project", inline(&plan.project_id));
    embed.colour = 0x1A_BC9C;
    for (index, step) in steps.iter().enumerate().take(20) {
        let mut lines = vec![format!("Priority {}", step.priority)];
        if let Some(id) = plan.task_ids.get(index) {
            lines.insert(0, inline(id));
        }
        if step.requires_approval {
            lines.push("🔒 Requires approval".to_owned());
        }
        if step.after > 0 {
            lines.push(format!("⏳ after step {}", step.after));
        }
        // What surrounds the step for its agent is the same for every step.
        let own = step.description.rsplit_once("## Task Details").map_or(step.description.as_str(), |(_, own)| own);
        let snippet = cut(&one_line(own), 160);
        let name = format!("Step {}/{}: {}", index + 1, steps.len(), one_line(&step.title));
        embed = embed.below(&cut(&name, 250), format!("{}\n{snippet}", lines.join(" · ")));
    }
    let message = Message::embed(embed);
    if !waits {
        return message;
    }
    message.with_buttons(buttons(
        &plan.id,
        &[
            (Verb::PlanApprove, "Approve plan", "✅", ButtonStyle::Success),
            (Verb::PlanReject, "Reject", "✖️", ButtonStyle::Danger),
            (Verb::PlanShow, "Read it", "📄", ButtonStyle::Secondary),
        ],
    ))
}

/// An instant of the facts, in seconds or milliseconds, as Discord counts down to it.
fn instant(event: Facts<'_>, name: &str) -> Option<String> {
    let at = fact(event, name).parse::<i64>().ok()?;
    Some(format!("<t:{}:R>", if at > 100_000_000_000 { at / 1000 } else { at }))
}

/// A provider refuses an account.
pub(crate) fn limited(event: Facts<'_>, reopened: bool) -> Message {
    let account = fact(event, "account_id");
    if reopened {
        return Message::embed(boxed(Style::Success, format!("{account} takes work again"), ""));
    }
    let until = instant(event, "resets_at");
    let text = "What was running is paused and goes on by itself; no retry is used.";
    Message::embed(
        boxed(Style::Warning, format!("{account} is at its limit"), text)
            .beside("Window", inline(fact(event, "window")))
            .beside("Opens", until.unwrap_or_else(|| "not known".to_owned())),
    )
}

/// An agent cannot work.
pub(crate) fn agent_error(event: Facts<'_>) -> Message {
    let text = fenced(&cut(fact(event, "message"), 600), "");
    let again = instant(event, "until").map_or_else(|| "when it is resumed".to_owned(), |at| format!("{at}, or when it is resumed"));
    let mut embed = boxed(Style::Error, format!("Agent {} cannot work", fact(event, "name")), text).beside("Tried again", again);
    let hint = fact(event, "hint");
    if !hint.is_empty() {
        embed = embed.below("What to do", format!("{}. `/agent resume` sets it to work at once.", sentence(&clean(hint))));
    }
    Message::embed(embed)
}

/// An agent has shown that it works again.
pub(crate) fn agent_works(event: Facts<'_>) -> Message {
    Message::embed(boxed(Style::Success, format!("Agent {} works again", fact(event, "name")), ""))
}

/// The server starts nothing new.
pub(crate) fn degraded(event: Facts<'_>) -> Message {
    Message::embed(boxed(Style::Critical, "Nothing new is started", clean(fact(event, "reason"))))
}

/// Something happened of which the server refuses to say more.
pub(crate) fn untold(event: &pb::Event, refusal: &str) -> Message {
    let what = if event.summary.is_empty() { event.r#type.clone() } else { one_line(&event.summary) };
    let mut embed = boxed(Style::Warning, "Not told as usual", cut(&clean(&what), 500));
    if !event.task_id.is_empty() {
        embed = embed.beside("Task ID", inline(&event.task_id));
    }
    Message::embed(embed.below("The server refuses more", sentence(&cut(&clean(refusal), 800))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'a>(message: &'a Message, name: &str) -> &'a str {
        message.embeds[0].fields.iter().find(|field| field.name == name).map_or("", |field| field.value.as_str())
    }

    /// D-96: a notice of a failure counts the try that it is about, and says what went wrong with it, also when it is written after the next one
    /// has failed.
    #[test]
    fn a_failure_counts_its_own_try() {
        let task = pb::Task { id: "swift-falcon".into(), retry_count: 2, max_retries: 3, ..Default::default() };
        let facts = [("retry_count", "1"), ("context", "the first problem")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let run = |number| Some(pb::Run { number, ..Default::default() });
        let later = pb::GetTaskErrorResponse { message: "the second problem".into(), run: run(2), ..Default::default() };
        let first = failed(&task, 1, &facts, Some(&later));
        assert_eq!((field(&first, "Tries"), field(&first, "Error Detail")), ("1 of 3 failed", "```\nthe first problem\n```"));
        let own = pb::GetTaskErrorResponse { message: "the first problem, whole".into(), run: run(1), ..Default::default() };
        assert_eq!(field(&failed(&task, 1, &facts, Some(&own)), "Error Detail"), "```\nthe first problem, whole\n```");
    }

    /// The notice of an agent that cannot work says why, when it is tried again and what to do; that it works again is told too.
    #[test]
    fn an_agent_that_cannot_work_is_told() {
        let facts = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let told = agent_error(&facts(&[
            ("name", "Max"),
            ("message", "Not logged in"),
            ("hint", "log the agent's account in again, then resume the agent"),
            ("until", "1796003121528"),
        ]));
        assert_eq!(
            (told.embeds[0].title.as_str(), told.embeds[0].description.as_str()),
            ("❌ Agent Max cannot work", "```\nNot logged in\n```")
        );
        assert_eq!(field(&told, "Tried again"), "<t:1796003121:R>, or when it is resumed");
        assert!(
            field(&told, "What to do").starts_with("Log the agent's account in again, then resume the agent. `/agent resume`"),
            "{told:?}"
        );
        assert!(agent_works(&facts(&[("name", "Max")])).embeds[0].title.ends_with("Agent Max works again"));
    }

    /// D-96: so many tries are told as the server makes: none at all is one.
    #[test]
    fn all_tries_are_counted() {
        for (max_retries, said) in [(0, "Its only try failed."), (1, "Its only try failed."), (2, "All 2 tries failed.")] {
            let block_reason = BlockReason::RetriesExhausted.into();
            let task = pb::Task { block_reason, max_retries, ..Default::default() };
            assert!(field(&blocked(&task, None), "Action Required").starts_with(said), "{max_retries}");
        }
    }
}

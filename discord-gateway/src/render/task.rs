//! One task in full, its result, its error.

use aq_proto::v1 as pb;
use pb::{RunOutcome, RunState, TaskStatus};

use super::card::total;
use super::failure::cause_of;
use super::style::{Style, boxed, sentence, status_of};
use super::time::{elapsed, moment, on, relative, stamp};
use crate::custom_id::{Action, Verb, write};
use crate::message::{Button, ButtonStyle, Embed, Message};
use crate::text::{clean, cut, fenced, grouped, inline, one_line, plural};

fn named(tasks: &[pb::TaskRef], most: usize) -> String {
    let line = |task: &pb::TaskRef| format!("{} {} {}", status_of(task.status()).1, inline(&task.id), cut(&one_line(&task.title), 60));
    let mut lines: Vec<String> = tasks.iter().take(most).map(line).collect();
    if tasks.len() > most {
        lines.push(format!("_…and {} more_", tasks.len() - most));
    }
    lines.join("\n")
}

fn attempt(run: &pb::Run) -> String {
    let outcome = match run.outcome() {
        RunOutcome::Succeeded => "✅ done",
        RunOutcome::NothingToDo => "✅ nothing to do",
        RunOutcome::InReview => "🔍 under review",
        RunOutcome::Failed => "❌ failed",
        RunOutcome::Limited => "⏸️ limit",
        RunOutcome::Stopped => "🛑 stopped",
        RunOutcome::MergeConflict => "⚠️ conflict",
        RunOutcome::PushFailed => "⚠️ push failed",
        RunOutcome::TargetDirty => "⚠️ target not clean",
        RunOutcome::Unspecified if run.state() == RunState::Ended => "ended",
        RunOutcome::Unspecified => "🟡 runs",
    };
    let length = match (moment(run.started_at.as_ref()), moment(run.ended_at.as_ref())) {
        (Some(from), Some(to)) => elapsed(to.0 - from.0),
        (Some(from), None) => format!("since {}", relative(from)),
        _ => "not started".to_owned(),
    };
    let tokens = run.usage.as_ref().map_or(0, total);
    format!("**{}** {outcome} · {} · {length} · {}", run.number, inline(&run.agent_id), plural(tokens, "token"))
}

/// The buttons that make sense for a task as it stands.
fn moves(task: &pb::Task) -> Vec<Button> {
    let id = |verb| write(&Action::On(verb, task.id.clone()));
    let mut made = Vec::new();
    let mut add = |verb, label: &str, emoji, style| made.extend(id(verb).map(|id| Button::new(id, label, emoji, style)));
    match task.status() {
        TaskStatus::Assigned | TaskStatus::InProgress | TaskStatus::Verifying => add(Verb::Stop, "Stop", "🛑", ButtonStyle::Secondary),
        TaskStatus::WaitingInput => {
            add(Verb::Reply, "Reply", "💬", ButtonStyle::Primary);
            add(Verb::Stop, "Stop", "🛑", ButtonStyle::Secondary);
        }
        TaskStatus::AwaitingApproval => {
            add(Verb::Approve, "Approve", "✅", ButtonStyle::Success);
            add(Verb::Reject, "Reject", "✖️", ButtonStyle::Danger);
        }
        TaskStatus::Failed | TaskStatus::Blocked => {
            add(Verb::Restart, "Restart", "🔄", ButtonStyle::Primary);
            add(Verb::Skip, "Skip", "⏭️", ButtonStyle::Secondary);
            add(Verb::Error, "View error", "🔍", ButtonStyle::Secondary);
        }
        TaskStatus::Completed => add(Verb::Reopen, "Reopen", "💬", ButtonStyle::Secondary),
        _ => {}
    }
    if task.last_run_number > 0 {
        add(Verb::Diff, "Changes", "📄", ButtonStyle::Secondary);
    }
    if task.status() != TaskStatus::Completed {
        add(Verb::Explain, "Explain", "❔", ButtonStyle::Secondary);
    }
    made.truncate(5);
    made
}

/// A task with everything about it.
pub(crate) fn details(answer: &pb::GetTaskResponse, tree: Option<&str>) -> Message {
    let empty = pb::Task::default();
    let task = answer.task.as_ref().unwrap_or(&empty);
    let (word, emoji, colour) = status_of(task.status());
    let mut embed = Embed {
        title: format!("{emoji} {}", one_line(&task.title)),
        description: cut(&clean(&task.description), 800),
        colour,
        footer: format!("AgentQueue · {}", task.id),
        timestamp: stamp(task.created_at.as_ref()),
        ..Embed::default()
    };
    embed = embed
        .beside("Status", word)
        .beside("Project", inline(&task.project_id))
        .beside("Priority", task.priority.to_string())
        .beside("Agent", if task.agent_id.is_empty() { String::new() } else { inline(&task.agent_id) })
        .beside("Retries", format!("{} of {}", task.retry_count, task.max_retries))
        .beside("Tokens", grouped(task.usage.as_ref().map_or(0, total)))
        .beside("Branch", if task.branch.is_empty() { String::new() } else { inline(&task.branch) })
        .beside("Created by", if task.created_by.is_empty() { String::new() } else { inline(&task.created_by) });
    if let Some(at) = moment(task.resume_at.as_ref()) {
        embed = embed.beside("Goes on", relative(at));
    }
    if let Some(at) = moment(task.finished_at.as_ref()) {
        embed = embed.beside("Finished", on(at));
    }
    embed = embed
        .below("Waits for", clean(&task.waiting_for))
        .below("Pull request", clean(&task.pull_request_url))
        .below("Result", cut(&clean(&task.result_summary), 900))
        .below("Depends on", named(&answer.dependencies, 8))
        .below("Others wait for it", named(&answer.dependents, 8))
        .below("Subtasks", tree.map_or_else(|| named(&answer.subtasks, 10), |tree| fenced(&cut(tree, 900), "")))
        .below("Runs", answer.runs.iter().take(5).map(attempt).collect::<Vec<_>>().join("\n"));
    Message::embed(embed).with_buttons(moves(task))
}

/// What came out of a task.
pub(crate) fn result(task: &str, answer: &pb::GetTaskResultResponse) -> Message {
    let mut embed = boxed(Style::Info, format!("Result of {task}"), cut(&clean(&answer.summary), 1024))
        .beside("Status", status_of(answer.task_status()).0)
        .beside("Files", answer.files_changed.len().to_string());
    if let Some(run) = &answer.run {
        embed = embed.beside("Tokens", grouped(run.usage.as_ref().map_or(0, total))).below("Run", attempt(run));
    }
    let files: Vec<String> = answer.files_changed.iter().take(20).map(|file| inline(file)).collect();
    let more = answer.files_changed.len().saturating_sub(20);
    let more = if more > 0 { format!("\n_…and {more} more_") } else { String::new() };
    Message::embed(embed.below("Files changed", format!("{}{more}", files.join("\n"))))
}

/// The whole error of a task; a long one is a file.
pub(crate) fn error_report(task: &str, answer: &pb::GetTaskErrorResponse) -> Message {
    let found = cause_of(Some(answer), &answer.message);
    let hint = if answer.hint.is_empty() { found.hint.to_owned() } else { sentence(&clean(&answer.hint)) };
    let embed = boxed(Style::Error, format!("Error of {task}"), fenced(&cut(&answer.message, 1800), ""))
        .beside("Kind", found.label)
        .beside("Class", answer.failure_class().as_str_name().trim_start_matches("FAILURE_CLASS_").to_lowercase().replace('_', " "))
        .beside("Tries", format!("{} of {}", answer.retry_count, answer.max_retries))
        .below("Suggestion", format!("💡 {hint}"))
        .below("Run", answer.run.as_ref().map(attempt).unwrap_or_default());
    let message = Message::embed(embed);
    if answer.message.len() > 1800 { message.with_file(format!("error-{task}.txt"), answer.message.clone().into_bytes()) } else { message }
}

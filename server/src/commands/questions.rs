//! Answering an agent's questions, in time or late, and talking to it while it works.

use aq_core::event::EventKind;
use aq_core::ids::{RunRef, TaskId};
use aq_core::output::QuestionKind;
use aq_core::plan::PlanState;
use aq_core::runner_link::{Answer, RunnerOrder};
use aq_core::task::{TaskStatus, Trigger};
use serde_json::json;

use super::context::{Context, task};
use super::error::CommandError;
use crate::lifecycle::{Move, Subject, Tx, announce, apply};
use crate::store::{GrantScope, MessageRecord, QuestionRecord, TaskRecord, grants, messages, plans, questions};

/// Longest answer or message, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Most messages of a task that no agent has read.
pub const MAX_WAITING_MESSAGES: i64 = 100;

/// How far an allowance reaches beyond the question that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remember {
    /// The tool is allowed for every run of this task.
    Task,
    /// The tool is allowed for every task of the project.
    Project,
}

/// Answers a question. `question_id` may be empty when exactly one waits. The answer is kept until the agent has it: a live agent gets it by the
/// order that is returned; when its run is over, the task goes on in the same session.
///
/// # Errors
/// [`CommandError::Precondition`] when the task asks nothing or asks several things, [`CommandError::Invalid`] when the answer does not fit.
pub fn answer(
    tx: &mut Tx<'_>,
    context: &Context,
    id: &TaskId,
    question_id: &str,
    answer: Answer,
    remember: Option<Remember>,
) -> Result<(TaskRecord, Option<RunnerOrder>), CommandError> {
    let mut record = task(tx.db, context, id)?;
    let waiting = questions::waiting_of_task(tx.db, record.key)?;
    let question = choose(&record, &waiting, question_id)?;
    fits(question, &answer, remember)?;
    let (run, request_id, actor) = (question.run_number, question.question.request_id.clone(), context.actor());
    questions::give(tx.db, record.key, run, &request_id, &answer, &actor, context.now)?;
    if question.question.kind == QuestionKind::PlanApproval {
        plan_answered(tx, context, record.key, &request_id, run, answer == Answer::Allow)?;
    }
    if let Some(remember) = remember {
        let scope = match remember {
            Remember::Task => GrantScope::Task(record.key),
            Remember::Project => GrantScope::Project(record.task.project.clone()),
        };
        grants::allow(tx.db, &scope, &question.question.tool, &actor, context.now)?;
    }
    let reference = RunRef { task: record.task.id.clone(), number: run };
    let live = record.task.status.is_live() && record.task.run_number == run;
    // What was asked over MCP waits for nobody to tell the agent: its call comes for the answer.
    let fetched = question.question.is_fetched();
    if !live || fetched {
        questions::close_late(tx.db, record.key, run, &request_id, &one_line(&answer), context.now)?;
    }
    let is_last = waiting.len() == 1;
    if live && fetched && record.task.status == TaskStatus::WaitingInput && questions::open_of_task(tx.db, record.key)?.is_empty() {
        apply(tx, &mut record, run, Move::by(&actor, Trigger::HumanReplied, context.now).with("question_id", request_id))?;
        return Ok((record, None));
    }
    if !live && is_last && record.task.status == TaskStatus::Paused {
        let number = record.task.run_number;
        let change = Move::by(&actor, Trigger::ReplyAfterExit, context.now).with("question_id", request_id).with("late", true);
        apply(tx, &mut record, number, change)?;
        return Ok((record, None));
    }
    let subject = Subject { run: Some(run), ..Subject::task(&record) };
    let payload = json!({
        "title": record.task.title, "question_id": request_id, "actor": actor, "late": !live,
        "remembered": remember.map(|remember| match remember { Remember::Task => "task", Remember::Project => "project" }),
    });
    announce(tx, EventKind::TaskReplied, context.now, subject, payload)?;
    Ok((record, (live && !fetched).then_some(RunnerOrder::Answer { run: reference, request_id, answer })))
}

fn choose<'a>(record: &TaskRecord, waiting: &'a [QuestionRecord], wanted: &str) -> Result<&'a QuestionRecord, CommandError> {
    match (wanted, waiting) {
        (_, []) => Err(CommandError::status("NO_OPEN_QUESTION", record.task.id.as_str(), record.task.status, "it asks nothing")),
        ("", [only]) => Ok(only),
        ("", several) => {
            let ids: Vec<_> = several.iter().map(|question| question.question.request_id.as_str()).collect();
            Err(CommandError::invalid("question_id", format!("the task asks several things; name one of {}", ids.join(", "))))
        }
        (wanted, several) => several
            .iter()
            .find(|question| question.question.request_id == wanted)
            .ok_or_else(|| CommandError::NotFound { kind: "question", id: wanted.to_owned() }),
    }
}

fn fits(question: &QuestionRecord, answer: &Answer, remember: Option<Remember>) -> Result<(), CommandError> {
    if remember.is_some() && !(question.question.kind == QuestionKind::Permission && *answer == Answer::Allow) {
        return Err(CommandError::invalid("allow.remember", "only the permission to use a tool can be given once and for all"));
    }
    match (answer, question.question.kind) {
        (Answer::Text(text), QuestionKind::Question) => check_text("text", text),
        // Some programs offer more than yes and no; one of their options says which.
        (Answer::Text(text), QuestionKind::Permission)
            if question.question.options.iter().any(|option| option.label.eq_ignore_ascii_case(text.trim())) =>
        {
            Ok(())
        }
        (Answer::Text(_), QuestionKind::Permission | QuestionKind::PlanApproval) => {
            Err(CommandError::invalid("answer", "this is a yes-or-no question; answer with allow or deny"))
        }
        (Answer::Allow, QuestionKind::Question) => Err(CommandError::invalid("answer", "this question wants a text or one of its options")),
        (Answer::Allow | Answer::Deny { .. }, _) => Ok(()),
    }
}

fn one_line(answer: &Answer) -> String {
    let text = match answer {
        Answer::Text(text) => text.as_str(),
        Answer::Allow => "allowed",
        Answer::Deny { message } if message.is_empty() => "denied",
        Answer::Deny { message } => message.as_str(),
    };
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// Tells a working agent something. The message is kept until an agent has read it: should the run end first, the next one is told. Returns the
/// message's id, the run's number and the order.
///
/// # Errors
/// [`CommandError::Precondition`] when no agent works on the task, or too many messages wait already.
pub fn message(
    tx: &mut Tx<'_>,
    context: &Context,
    id: &TaskId,
    message_id: String,
    text: &str,
) -> Result<(String, u32, RunnerOrder), CommandError> {
    check_text("text", text)?;
    let record = task(tx.db, context, id)?;
    if !matches!(record.task.status, TaskStatus::Assigned | TaskStatus::InProgress | TaskStatus::WaitingInput) {
        return Err(CommandError::status(
            "TASK_NOT_RUNNING",
            id.as_str(),
            record.task.status,
            "no agent works on it; restart it with feedback instead",
        ));
    }
    if messages::count_waiting(tx.db, record.key)? >= MAX_WAITING_MESSAGES {
        return Err(CommandError::precondition(
            "TOO_MANY_MESSAGES",
            format!("the agent has not read {MAX_WAITING_MESSAGES} messages yet; wait until it has, or stop the task"),
        ));
    }
    let run = RunRef { task: record.task.id.clone(), number: record.task.run_number };
    let stored = MessageRecord {
        task_key: record.key,
        message_id: message_id.clone(),
        run_number: run.number,
        text: text.to_owned(),
        actor: context.actor(),
        sent_at: context.now,
        delivered_at: None,
        told_run: None,
    };
    messages::insert(tx.db, &stored)?;
    let subject = Subject { run: Some(run.number), ..Subject::task(&record) };
    let payload = json!({ "text": text, "message_id": message_id, "actor": context.actor() });
    announce(tx, EventKind::TaskMessage, context.now, subject, payload)?;
    let number = run.number;
    let order = RunnerOrder::Message { run, message_id: message_id.clone(), text: text.to_owned() };
    Ok((message_id, number, order))
}

fn check_text(field: &str, text: &str) -> Result<(), CommandError> {
    if text.trim().is_empty() {
        return Err(CommandError::invalid(field, "is empty; say something"));
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(CommandError::invalid(field, format!("is longer than {MAX_TEXT_BYTES} bytes")));
    }
    Ok(())
}

/// The plan that a question is about was answered by a person without making tasks of it.
///
/// # Errors
/// When the rows cannot be read or written.
fn plan_answered(tx: &mut Tx<'_>, context: &Context, task: i64, request_id: &str, run: u32, allowed: bool) -> Result<(), CommandError> {
    for mut plan in plans::of_task(tx.db, task)? {
        let is_it = plan.request_id.as_deref() == Some(request_id) && plan.run_number == Some(run);
        if is_it && plan.state == PlanState::Proposed {
            plan.state = if allowed { PlanState::Answered } else { PlanState::Rejected };
            plan.decided_by = Some(context.actor());
            plan.decided_at = Some(context.now);
            plans::update(tx.db, &plan)?;
        }
    }
    Ok(())
}

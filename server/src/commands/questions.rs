//! Answering an agent's questions and talking to it while it works.

use aq_core::event::EventKind;
use aq_core::ids::TaskId;
use aq_core::output::QuestionKind;
use aq_core::runner_link::{Answer, RunnerOrder};
use aq_core::task::TaskStatus;
use serde_json::json;

use super::context::{Context, task};
use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{TaskRecord, questions};

/// Longest answer or message, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Answers a question. `question_id` may be empty when exactly one is open. The question closes when the agent has the answer.
///
/// # Errors
/// [`CommandError::Precondition`] when the task asks nothing or asks several things, [`CommandError::Invalid`] when the answer does not fit.
pub fn answer(
    tx: &mut Tx<'_>,
    context: &Context,
    id: &TaskId,
    question_id: &str,
    answer: Answer,
) -> Result<(TaskRecord, RunnerOrder), CommandError> {
    let record = task(tx.db, context, id)?;
    let open = questions::open_of_task(tx.db, record.key)?;
    let question = match (question_id, open.as_slice()) {
        (_, []) => return Err(CommandError::status("NO_OPEN_QUESTION", id.as_str(), record.task.status, "it asks nothing")),
        ("", [only]) => only,
        ("", several) => {
            let ids: Vec<_> = several.iter().map(|question| question.question.request_id.as_str()).collect();
            return Err(CommandError::invalid("question_id", format!("the task asks several things; name one of {}", ids.join(", "))));
        }
        (wanted, several) => several
            .iter()
            .find(|question| question.question.request_id == wanted)
            .ok_or_else(|| CommandError::NotFound { kind: "question", id: wanted.to_owned() })?,
    };
    match (&answer, question.question.kind) {
        (Answer::Text(text), QuestionKind::Question) => check_text("text", text)?,
        // Some programs offer more than yes and no; one of their options says which.
        (Answer::Text(text), QuestionKind::Permission)
            if question.question.options.iter().any(|option| option.label.eq_ignore_ascii_case(text.trim())) => {}
        (Answer::Text(_), QuestionKind::Permission | QuestionKind::PlanApproval) => {
            return Err(CommandError::invalid("answer", "this is a yes-or-no question; answer with allow or deny"));
        }
        (Answer::Allow, QuestionKind::Question) => {
            return Err(CommandError::invalid("answer", "this question wants a text or one of its options"));
        }
        (Answer::Allow | Answer::Deny { .. }, _) => {}
    }
    let run = aq_core::ids::RunRef { task: record.task.id.clone(), number: question.run_number };
    let subject = Subject { run: Some(run.number), ..Subject::task(&record) };
    let payload = json!({ "title": record.task.title, "question_id": question.question.request_id, "actor": context.actor() });
    announce(tx, EventKind::TaskReplied, context.now, subject, payload)?;
    let order = RunnerOrder::Answer { run, request_id: question.question.request_id.clone(), answer };
    Ok((record, order))
}

/// Tells a working agent something. Returns the message's id, the run's number and the order.
///
/// # Errors
/// [`CommandError::Precondition`] when no agent works on the task.
pub fn message(
    tx: &mut Tx<'_>,
    context: &Context,
    id: &TaskId,
    message_id: String,
    text: &str,
) -> Result<(String, u32, RunnerOrder), CommandError> {
    check_text("text", text)?;
    let record = task(tx.db, context, id)?;
    if !matches!(record.task.status, TaskStatus::InProgress | TaskStatus::WaitingInput) {
        return Err(CommandError::status(
            "TASK_NOT_RUNNING",
            id.as_str(),
            record.task.status,
            "no agent works on it; restart it with feedback instead",
        ));
    }
    let run = aq_core::ids::RunRef { task: record.task.id.clone(), number: record.task.run_number };
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

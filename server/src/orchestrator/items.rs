//! Output items that mean more than their text: tokens spent, questions, answers, limits, sessions.

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::{OutputBody, OutputItem, Question};
use aq_core::runner_link::RunnerOrder;
use aq_core::task::{TaskStatus, Trigger};
use aq_core::time::Timestamp;
use serde_json::json;

use super::accounts;
use super::budgets;
use super::deadlines;
use super::faults;
use super::plans;
use super::policy::Policy;
use crate::lifecycle::{LifecycleError, Move, Subject, Tx, announce, apply, fenced, hold, save, spend};
use crate::store::{QuestionRecord, TaskRecord, messages, questions};

/// True for items that change more than the stored output.
#[must_use]
pub(super) fn matters(item: &OutputItem) -> bool {
    match item.body {
        OutputBody::Usage { .. }
        | OutputBody::Question(_)
        | OutputBody::QuestionClosed { .. }
        | OutputBody::Limit(_)
        | OutputBody::SessionStarted { .. }
        | OutputBody::Delivered { .. } => true,
        OutputBody::Note { .. }
        | OutputBody::Text { .. }
        | OutputBody::Thinking { .. }
        | OutputBody::ToolCall { .. }
        | OutputBody::ToolResult { .. }
        | OutputBody::Line { .. }
        | OutputBody::Error { .. }
        | OutputBody::Result { .. }
        | OutputBody::Gap { .. } => false,
    }
}

/// Acts on items, in order, and returns the answers that need no person, and whether something may start or has to stop because of the items.
/// Repeating them changes nothing.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn act(
    tx: &mut Tx<'_>,
    policy: &Policy,
    run: &RunRef,
    items: &[OutputItem],
    now: Timestamp,
) -> Result<(Vec<RunnerOrder>, bool), LifecycleError> {
    let mut orders = Vec::new();
    let Some((mut task, mut record)) = fenced(tx, run)? else { return Ok((orders, false)) };
    let mut wake = false;
    for item in items {
        match &item.body {
            OutputBody::Usage { message_id, model, tokens, cost_micros } => {
                if spend(tx, &mut record, message_id, model, *tokens, *cost_micros, item.at)? {
                    wake |= accounts::answered(tx, &record.run, model, tokens.total(), item.at)?;
                    if tokens.total() > 0 {
                        faults::over(tx, &record.run.agent, now)?;
                    }
                }
                budgets::hold(tx, policy, &mut task, &record, now)?;
            }
            // A task that was deleted asks nobody any more; its run is being stopped.
            OutputBody::Question(_) if task.deleted_at.is_some() => {}
            OutputBody::Question(question) => orders.extend(ask(tx, policy, &mut task, run, question, now)?),
            OutputBody::QuestionClosed { request_id, answer } => answered(tx, &mut task, run, request_id, answer, item.at)?,
            OutputBody::SessionStarted { session_id, .. } => {
                record.run.session_id = Some(session_id.clone());
                save(tx, &record)?;
            }
            OutputBody::Limit(notice) => wake |= accounts::heard(tx, &record.run.agent, notice, item.at)?,
            OutputBody::Delivered { message_id } if messages::deliver(tx.db, task.key, message_id, item.at)? => {
                let subject = Subject { run: Some(run.number), ..Subject::task(&task) };
                let payload = json!({ "title": task.task.title, "message_id": message_id });
                announce(tx, EventKind::TaskMessageDelivered, item.at, subject, payload)?;
            }
            _ => {}
        }
    }
    let wake = wake || tx.state.runs.values().any(|open| open.stopping.is_some());
    hold(tx, task, record);
    Ok((orders, wake))
}

/// The question is kept with its deadline. What a person allowed once and for all is answered at once, everything else makes the task wait.
fn ask(
    tx: &mut Tx<'_>,
    policy: &Policy,
    task: &mut TaskRecord,
    run: &RunRef,
    question: &Question,
    now: Timestamp,
) -> Result<Option<RunnerOrder>, LifecycleError> {
    let deadline = deadlines::deadline(tx.state, policy, task, now);
    let record = QuestionRecord {
        task_key: task.key,
        run_number: run.number,
        question: question.clone(),
        asked_at: now,
        closed_at: None,
        answer: None,
        deadline: Some(deadline),
        given: None,
    };
    if !questions::insert(tx.db, &record)? {
        return Ok(None);
    }
    plans::asked(tx, policy, task, run, question, now)?;
    if deadlines::is_granted(tx.db, task, question)? {
        return deadlines::grant(tx, task, run, question, now).map(Some);
    }
    if task.task.status != TaskStatus::InProgress {
        return Ok(None);
    }
    apply(tx, task, run.number, Move::asking(question, deadline, now))?;
    Ok(None)
}

fn answered(
    tx: &mut Tx<'_>,
    task: &mut TaskRecord,
    run: &RunRef,
    request_id: &str,
    answer: &str,
    at: Timestamp,
) -> Result<(), LifecycleError> {
    if !task.task.status.is_live() {
        // A run that is being stopped takes its questions back; whether they stay open is decided when it has ended.
        return Ok(());
    }
    questions::close(tx.db, task.key, run.number, request_id, answer, at)?;
    if task.task.status == TaskStatus::WaitingInput && questions::open_of_task(tx.db, task.key)?.is_empty() {
        let change = Move::system(Trigger::HumanReplied, at).with("question_id", request_id);
        apply(tx, task, run.number, change)?;
    }
    Ok(())
}

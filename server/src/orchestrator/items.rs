//! Output items that mean more than their text: tokens spent, questions, answers, limits, sessions.

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::{OutputBody, OutputItem, Question};
use aq_core::task::{BlockedReason, TaskStatus, Trigger};
use aq_core::time::Timestamp;
use serde_json::json;

use super::policy::Policy;
use crate::lifecycle::{LifecycleError, Move, Subject, Tx, announce, apply, fenced, save, spend};
use crate::store::{QuestionRecord, RunRecord, TaskRecord, accounts, questions};

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

/// Acts on items, in order. Repeating them changes nothing.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn act(tx: &mut Tx<'_>, policy: &Policy, run: &RunRef, items: &[OutputItem], now: Timestamp) -> Result<(), LifecycleError> {
    let Some((mut task, mut record)) = fenced(tx, run)? else { return Ok(()) };
    for item in items {
        match &item.body {
            OutputBody::Usage { message_id, model, tokens, cost_micros } => {
                spend(tx, &mut record, message_id, model, *tokens, *cost_micros, item.at)?;
                hold_at_budget(tx, policy, &mut task, &record, now)?;
            }
            OutputBody::Question(question) => ask(tx, &mut task, run, question, item.at)?,
            OutputBody::QuestionClosed { request_id, answer } => answered(tx, &mut task, run, request_id, answer, item.at)?,
            OutputBody::SessionStarted { session_id, .. } => {
                record.run.session_id = Some(session_id.clone());
                save(tx, &record)?;
            }
            OutputBody::Limit(notice) => {
                let account = tx.state.agents.get(&record.run.agent).and_then(|agent| agent.account.clone());
                let Some(mut account) = account.and_then(|id| tx.state.accounts.get(&id).cloned()) else { continue };
                if account.observe(notice, item.at) {
                    let seen = account.windows.iter().find(|window| window.name == notice.window);
                    if let Some(window) = seen {
                        accounts::put_window(tx.db, &account.id, window)?;
                    }
                    tx.state.put_account(account.id.clone(), Some(account));
                }
            }
            OutputBody::Delivered { message_id } => {
                let subject = Subject { run: Some(run.number), ..Subject::task(&task) };
                announce(tx, EventKind::RunNote, item.at, subject, json!({ "text": "message delivered", "message_id": message_id }))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A run that used up its budget is stopped; the task says so and waits for a person.
fn hold_at_budget(
    tx: &mut Tx<'_>,
    policy: &Policy,
    task: &mut TaskRecord,
    record: &RunRecord,
    now: Timestamp,
) -> Result<(), LifecycleError> {
    let limit = task.task.budget_tokens.or(policy.run_budget);
    let used = record.run.tokens.total();
    let Some(limit) = limit.filter(|limit| used >= *limit && task.task.status.is_live()) else { return Ok(()) };
    let context = format!("the run used {used} of its {limit} tokens");
    let change = Move::system(Trigger::Held, now).because(BlockedReason::Budget).with("context", context);
    apply(tx, task, record.run.id.number, change)?;
    Ok(())
}

fn ask(tx: &mut Tx<'_>, task: &mut TaskRecord, run: &RunRef, question: &Question, at: Timestamp) -> Result<(), LifecycleError> {
    let record = QuestionRecord {
        task_key: task.key,
        run_number: run.number,
        question: question.clone(),
        asked_at: at,
        closed_at: None,
        answer: None,
    };
    if !questions::insert(tx.db, &record)? || task.task.status != TaskStatus::InProgress {
        return Ok(());
    }
    let change = Move::system(Trigger::AgentQuestion, at)
        .with("question", question.text.clone())
        .with("question_id", question.request_id.clone())
        .with("tool", question.tool.clone());
    apply(tx, task, run.number, change)?;
    Ok(())
}

fn answered(
    tx: &mut Tx<'_>,
    task: &mut TaskRecord,
    run: &RunRef,
    request_id: &str,
    answer: &str,
    at: Timestamp,
) -> Result<(), LifecycleError> {
    questions::close(tx.db, task.key, run.number, request_id, answer, at)?;
    if task.task.status == TaskStatus::WaitingInput && questions::open_of_task(tx.db, task.key)?.is_empty() {
        let change = Move::system(Trigger::HumanReplied, at).with("question_id", request_id);
        apply(tx, task, run.number, change)?;
    }
    Ok(())
}

//! Questions: how long they may wait, what happens when nobody answers, and what was allowed once and for all (F-072, D-14).

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::{Question, QuestionKind};
use aq_core::runner_link::{Answer, RunnerOrder};
use aq_core::task::{TaskStatus, Trigger, UNTIL_ANSWERED};
use aq_core::time::Timestamp;
use serde_json::json;

use super::isolation::alone;
use super::policy::Policy;
use crate::lifecycle::{Figures, LifecycleError, Move, Subject, Tx, announce, apply};
use crate::store::{Connection, GrantScope, QuestionRecord, StoreError, TaskRecord, grants, questions, tasks};

/// Who gives the answers that deadlines give.
const DEADLINE: &str = "deadline";
/// Who gives the answers that a person gave once and for all.
const GRANT: &str = "grant";
/// What the agent is told when nobody decided about a permission.
const UNDECIDED: &str = "Nobody answered in time. Go on without it, or say at the end what you could not do.";

/// When a question that is asked at `at` has waited long enough.
#[must_use]
pub(super) fn deadline(figures: &Figures, policy: &Policy, task: &TaskRecord, at: Timestamp) -> Timestamp {
    let own = figures.projects.get(&task.task.project).and_then(|hot| hot.project.question_timeout_ms);
    at.plus_millis(i64::try_from(own.unwrap_or(policy.question_timeout_ms)).unwrap_or(i64::MAX))
}

/// Whether a person allowed this once and for all.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn is_granted(db: &mut Connection, task: &TaskRecord, question: &Question) -> Result<bool, StoreError> {
    if question.kind != QuestionKind::Permission || question.tool.is_empty() {
        return Ok(false);
    }
    Ok(grants::is_allowed(db, &GrantScope::Task(task.key), &question.tool)?
        || grants::is_allowed(db, &GrantScope::Project(task.task.project.clone()), &question.tool)?)
}

/// Answers for a person who answered once and for all. The answer is kept like any other until the agent has it.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn grant(
    tx: &mut Tx<'_>,
    task: &TaskRecord,
    run: &RunRef,
    question: &Question,
    at: Timestamp,
) -> Result<RunnerOrder, LifecycleError> {
    questions::give(tx.db, task.key, run.number, &question.request_id, &Answer::Allow, GRANT, at)?;
    let subject = Subject { run: Some(run.number), ..Subject::task(task) };
    let payload = json!({ "text": format!("{} was allowed without asking", question.tool), "question_id": question.request_id });
    announce(tx, EventKind::RunNote, at, subject, payload)?;
    Ok(RunnerOrder::Answer { run: run.clone(), request_id: question.request_id.clone(), answer: Answer::Allow })
}

/// Does what is due for questions that nobody answered. Returns the answers to give, and whether more are due.
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn pass(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<(Vec<RunnerOrder>, bool), LifecycleError> {
    let expired = questions::expired(tx.db, now, limit)?;
    let full = i64::try_from(expired.len()).unwrap_or(i64::MAX) >= limit;
    let (mut orders, mut moved) = (Vec::new(), false);
    for question in expired {
        let key = question.task_key;
        if tx.state.is_held_up(key, now) {
            continue;
        }
        let done = alone(tx, key, now, |tx| due(tx, &question, now))?;
        moved |= done.is_some();
        orders.extend(done.flatten());
    }
    // Where nothing could be moved there is nothing more to do at once.
    Ok((orders, full && moved))
}

/// What is due for one question.
fn due(tx: &mut Tx<'_>, question: &QuestionRecord, now: Timestamp) -> Result<Option<RunnerOrder>, LifecycleError> {
    let task = tasks::by_key(tx.db, question.task_key)?;
    let is_open = tx.state.runs.get(&task.key).is_some_and(|open| open.run.number == question.run_number && open.stopping.is_none());
    if !is_open || question.given.is_some() || question.closed_at.is_some() {
        questions::clear_deadlines(tx.db, task.key)?;
        return Ok(None);
    }
    if question.question.kind == QuestionKind::Permission {
        return deny(tx, &task, question, now).map(Some);
    }
    pause(tx, task, question, now).map(|()| None)
}

fn deny(tx: &mut Tx<'_>, task: &TaskRecord, question: &QuestionRecord, now: Timestamp) -> Result<RunnerOrder, LifecycleError> {
    let (run, request_id) = (question.run_number, question.question.request_id.clone());
    let answer = Answer::Deny { message: UNDECIDED.to_owned() };
    questions::give(tx.db, task.key, run, &request_id, &answer, DEADLINE, now)?;
    let subject = Subject { run: Some(run), ..Subject::task(task) };
    let payload = json!({ "title": task.task.title, "question_id": request_id, "actor": DEADLINE, "answer": "deny" });
    announce(tx, EventKind::TaskReplied, now, subject, payload)?;
    Ok(RunnerOrder::Answer { run: RunRef { task: task.task.id.clone(), number: run }, request_id, answer })
}

/// The task waits for the person, its agent does not: the run is stopped, and its session goes on when the answer comes.
fn pause(tx: &mut Tx<'_>, mut task: TaskRecord, question: &QuestionRecord, now: Timestamp) -> Result<(), LifecycleError> {
    let request_id = &question.question.request_id;
    questions::clear_deadlines(tx.db, task.key)?;
    if task.task.status == TaskStatus::InProgress {
        // The question came with others whose answers let the task go on; it waits for this one now.
        apply(tx, &mut task, question.run_number, Move::system(Trigger::AgentQuestion, now).with("question_id", request_id.clone()))?;
    }
    if task.task.status != TaskStatus::WaitingInput {
        return Ok(());
    }
    let asked = questions::of_run(tx.db, task.key, question.run_number)?;
    let together: Vec<_> =
        asked.iter().map(|other| &other.question.request_id).filter(|other| is_asked_with(other, request_id)).cloned().collect();
    questions::undeliver(tx.db, task.key, question.run_number, &together)?;
    let change = Move::system(Trigger::InputTimeout, now)
        .until(UNTIL_ANSWERED)
        .with("reason", "question")
        .with("context", format!("nobody answered: {}", question.question.text))
        .with("question_id", request_id.clone())
        .with("action", format!("answer the question of task {}", task.task.id));
    apply(tx, &mut task, question.run_number, change)?;
    Ok(())
}

/// Questions of one request are named `R.1`, `R.2`, …, and their answers are given to the agent together.
fn is_asked_with(other: &str, one: &str) -> bool {
    let request = |id: &str| id.rsplit_once('.').filter(|(_, number)| number.parse::<u32>().is_ok()).map(|(request, _)| request.to_owned());
    other != one && request(one).is_some_and(|wanted| request(other) == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orchestrator R19: only questions of one request share their fate.
    #[test]
    fn questions_of_one_request_belong_together() {
        for (other, one, together) in
            [("a.1", "a.2", true), ("a.1", "b.2", false), ("a.1", "a.1", false), ("a", "b", false), ("a.x", "a.y", false)]
        {
            assert_eq!(is_asked_with(other, one), together, "{other} {one}");
        }
    }
}

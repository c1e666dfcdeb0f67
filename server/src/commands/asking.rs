//! Questions that an agent asks over MCP: asked once however often the call is repeated, and fetched by the call that waits.
//!
//! Waiting lives in `api`; answering in `questions`; what happens at the deadline in `orchestrator`.

use aq_core::event::EventKind;
use aq_core::ids::RunRef;
use aq_core::output::{Question, QuestionKind, QuestionOption};
use aq_core::runner_link::Answer;
use aq_core::task::{TaskStatus, UNTIL_ANSWERED};

use super::context::{Context, task};
use super::error::CommandError;
use crate::lifecycle::{Move, Subject, Tx, announce, apply};
use crate::store::{Connection, QuestionRecord, TaskRecord, questions};

/// How long a run is kept for an answer, in milliseconds. An agent that waits costs a slot, and a little with each call; a session that goes on later
/// costs neither.
pub const MAX_WAIT_MS: u64 = 240_000;
/// Longest question, in bytes.
pub const MAX_QUESTION_BYTES: usize = 4096;
/// Most options.
pub const MAX_OPTIONS: usize = 8;
/// Longest option, in bytes. Buttons hold no more.
pub const MAX_OPTION_BYTES: usize = 80;
/// Most questions of a run that wait at once.
const MAX_OPEN: usize = 5;

/// How it stands with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A person may still answer while the agent waits.
    Open,
    /// It was answered.
    Answered(String),
    /// Nobody answered in time: the task is PAUSED until somebody does.
    Parked,
    /// The run is over, or its task went on without the answer.
    Over,
}

/// The question, checked. Its name is given when it is asked.
///
/// # Errors
/// [`CommandError::Invalid`] with the field.
pub fn check(text: &str, options: &[String]) -> Result<Question, CommandError> {
    let clean = |field: String, text: &str, most: usize| {
        let text = text.trim();
        if text.is_empty() {
            return Err(CommandError::invalid(field, "is empty"));
        }
        if text.len() > most {
            return Err(CommandError::invalid(field, format!("is longer than {most} bytes")));
        }
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Err(CommandError::invalid(field, "holds control characters"));
        }
        Ok(text.to_owned())
    };
    let text = clean("question".to_owned(), text, MAX_QUESTION_BYTES)?;
    if options.len() > MAX_OPTIONS {
        return Err(CommandError::invalid("options", format!("has {} entries; at most {MAX_OPTIONS} are allowed", options.len())));
    }
    let mut offered: Vec<QuestionOption> = Vec::with_capacity(options.len());
    for (index, option) in options.iter().enumerate() {
        let field = format!("options[{index}]");
        let label = clean(field.clone(), option, MAX_OPTION_BYTES)?;
        if offered.iter().any(|known| known.label.eq_ignore_ascii_case(&label)) {
            return Err(CommandError::invalid(field, "is offered twice"));
        }
        offered.push(QuestionOption { label, description: String::new() });
    }
    Ok(Question {
        request_id: String::new(),
        kind: QuestionKind::Question,
        text,
        tool: String::new(),
        detail: String::new(),
        options: offered,
    })
}

/// Asks in the name of the caller's run, and returns the question's name. The same question, as long as its answer was not fetched, is the same one:
/// an agent whose call broke off asks again. `usual_ms` is how long questions may wait where the project says nothing.
///
/// # Errors
/// [`CommandError::Precondition`] for everybody who is not the agent of a live run, and for one who asks too much at once.
pub fn ask(tx: &mut Tx<'_>, context: &Context, question: &Question, usual_ms: u64) -> Result<String, CommandError> {
    let (run, mut record) = own(tx.db, context)?;
    let asked = questions::of_run(tx.db, record.key, run.number)?;
    let unfetched = |known: &&QuestionRecord| match &known.given {
        Some(given) => given.delivered_at.is_none(),
        None => known.closed_at.is_none(),
    };
    let same = |known: &&QuestionRecord| known.question.text == question.text && known.question.options == question.options;
    let mut fetched = asked.iter().filter(|known| known.question.is_fetched());
    if let Some(known) = fetched.find(|known| unfetched(known) && same(known)) {
        return Ok(known.question.request_id.clone());
    }
    // After the look for the same question: whoever asks again while the task is put aside learns what becomes of it.
    if !is_at_work(&record, &run) {
        return Err(CommandError::precondition("RUN_ENDED", format!("run {run} is over")));
    }
    if asked.iter().filter(|known| known.closed_at.is_none()).count() >= MAX_OPEN {
        return Err(CommandError::precondition(
            "TOO_MANY_QUESTIONS",
            format!("{MAX_OPEN} questions of the run wait for an answer already; wait for those"),
        ));
    }
    let own_ms = tx.state.projects.get(&record.task.project).and_then(|hot| hot.project.question_timeout_ms);
    let wait = own_ms.unwrap_or(usual_ms).min(MAX_WAIT_MS);
    let deadline = context.now.plus_millis(i64::try_from(wait).unwrap_or(i64::MAX));
    let question = Question { request_id: Question::name_over_mcp(asked.len() + 1), ..question.clone() };
    questions::insert(
        tx.db,
        &QuestionRecord {
            task_key: record.key,
            run_number: run.number,
            question: question.clone(),
            asked_at: context.now,
            closed_at: None,
            answer: None,
            deadline: Some(deadline),
            given: None,
        },
    )?;
    let change = Move::asking(&question, deadline, context.now);
    if record.task.status == TaskStatus::InProgress {
        apply(tx, &mut record, run.number, change)?;
    } else {
        // It waits for another answer already; people are told of this question too.
        let mut facts = change.details;
        facts.insert("title".to_owned(), record.task.title.clone().into());
        let subject = Subject { run: Some(run.number), ..Subject::task(&record) };
        announce(tx, EventKind::AgentQuestion, context.now, subject, facts.into())?;
    }
    Ok(question.request_id)
}

/// How it stands with a question of the caller's run.
///
/// # Errors
/// When the rows cannot be read.
pub fn look(db: &mut Connection, context: &Context, question_id: &str) -> Result<Standing, CommandError> {
    let (run, record) = own(db, context)?;
    let asked = questions::of_run(db, record.key, run.number)?;
    let Some(question) = asked.into_iter().find(|known| known.question.request_id == question_id) else { return Ok(Standing::Over) };
    if let Some(given) = question.given {
        return Ok(Standing::Answered(words(given.answer)));
    }
    let parked = record.task.status == TaskStatus::Paused && record.task.resume_after == Some(UNTIL_ANSWERED);
    Ok(match question.closed_at {
        None if is_at_work(&record, &run) => Standing::Open,
        None if parked => Standing::Parked,
        _ => Standing::Over,
    })
}

/// Notes that the caller's run has the answer, so that no later prompt tells it again.
///
/// # Errors
/// When the rows cannot be written.
pub fn fetched(tx: &mut Tx<'_>, context: &Context, question_id: &str) -> Result<(), CommandError> {
    let (run, record) = own(tx.db, context)?;
    questions::deliver(tx.db, record.key, run.number, question_id, context.now)?;
    Ok(())
}

fn own(db: &mut Connection, context: &Context) -> Result<(RunRef, TaskRecord), CommandError> {
    let Some(run) = context.principal.run.clone() else {
        return Err(CommandError::precondition("NOT_AN_AGENT", "only the agent of a run asks, with the key of its run"));
    };
    let record = task(db, context, &run.task)?;
    Ok((run, record))
}

fn is_at_work(record: &TaskRecord, run: &RunRef) -> bool {
    matches!(record.task.status, TaskStatus::InProgress | TaskStatus::WaitingInput) && record.task.run_number == run.number
}

fn words(answer: Answer) -> String {
    match answer {
        Answer::Text(text) => text,
        Answer::Allow => "yes".to_owned(),
        Answer::Deny { message } if message.trim().is_empty() => "no".to_owned(),
        Answer::Deny { message } => message,
    }
}

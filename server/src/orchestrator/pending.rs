//! What people said that an agent does not have yet: said again after a start of the server, and told by the next run's prompt when the run
//! that it was meant for is over (F-072).

use std::fmt::Write as _;

use aq_core::ids::RunRef;
use aq_core::runner_link::{Answer, RunnerOrder};

use crate::store::{Connection, MessageRecord, QuestionRecord, StoreError, messages, questions};

/// Most answers, and most messages, that a prompt tells.
const MOST: usize = 20;
/// Longest text of one of them in a prompt, in characters.
const MAX_CHARS: usize = 8000;

/// Orders for a run that is taken up again. Giving one twice changes nothing.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn orders(db: &mut Connection, task: i64, run: &RunRef) -> Result<Vec<RunnerOrder>, StoreError> {
    let mut orders = Vec::new();
    for question in questions::undelivered(db, task, run.number)? {
        let Some(given) = question.given else { continue };
        orders.push(RunnerOrder::Answer { run: run.clone(), request_id: question.question.request_id, answer: given.answer });
    }
    for message in messages::undelivered(db, task, run.number)? {
        orders.push(RunnerOrder::Message { run: run.clone(), message_id: message.message_id, text: message.text });
    }
    Ok(orders)
}

/// The part of a prompt that tells what people said: in a session that goes on, what it does not know; in a new one, everything.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn said(db: &mut Connection, task: i64, run: u32, resumed: bool) -> Result<String, StoreError> {
    let untold = |delivered: bool, told: Option<u32>| !delivered && told.is_none_or(|told| told == run);
    let mut answered = questions::answered_of_task(db, task)?;
    answered.retain(|question| {
        let late = question.given.as_ref().is_some_and(|given| untold(given.delivered_at.is_some(), given.told_run));
        question.run_number < run && (!resumed || late)
    });
    let mut sent = messages::of_task(db, task)?;
    sent.retain(|message| message.run_number < run && (!resumed || untold(message.delivered_at.is_some(), message.told_run)));
    Ok(section(&answered, &sent))
}

fn section(answered: &[QuestionRecord], sent: &[MessageRecord]) -> String {
    let mut text = String::new();
    let newest = |count: usize| count.saturating_sub(MOST);
    if !answered.is_empty() {
        text.push_str("## Answers to your questions\n\n");
    }
    for question in answered.iter().skip(newest(answered.len())) {
        let Some(given) = &question.given else { continue };
        let asked = if question.question.tool.is_empty() || question.question.text.starts_with("May ") {
            question.question.text.clone()
        } else {
            format!("May {} be used? {}", question.question.tool, question.question.text)
        };
        line(&mut text, format_args!("- You asked: {}\n  The answer: {}\n", short(&asked), short(&words(&given.answer))));
    }
    if !sent.is_empty() {
        text.push_str("## What a person told you meanwhile\n\n");
    }
    for message in sent.iter().skip(newest(sent.len())) {
        line(&mut text, format_args!("{}\n", short(&message.text)));
    }
    text
}

/// An answer in words.
#[must_use]
pub(super) fn words(answer: &Answer) -> String {
    match answer {
        Answer::Text(text) => text.clone(),
        Answer::Allow => "yes, go on".to_owned(),
        Answer::Deny { message } if message.trim().is_empty() => "no".to_owned(),
        Answer::Deny { message } => format!("no: {message}"),
    }
}

fn short(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MAX_CHARS) {
        Some((cut, _)) => format!("{}… (shortened)", text.get(..cut).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(text, "{arguments}");
}

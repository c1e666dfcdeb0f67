//! Questions of agents that wait for a person, how long they may, and what was answered.

use aq_core::output::{Question, QuestionKind, QuestionOption};
use aq_core::runner_link::Answer;
use aq_core::time::Timestamp;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::kept::changed;
use super::schema::questions;

/// An answer that was given. It is kept until the agent has it, however often the server starts meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The answer.
    pub answer: Answer,
    /// Who gave it: a principal's name, `deadline`, or `grant`.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When the agent had it.
    pub delivered_at: Option<Timestamp>,
    /// The run whose prompt tells it, when its own run ended first.
    pub told_run: Option<u32>,
}

/// A stored question.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionRecord {
    /// Key of the task.
    pub task_key: i64,
    /// Number of the run that asked.
    pub run_number: u32,
    /// What is asked.
    pub question: Question,
    /// When.
    pub asked_at: Timestamp,
    /// When it was answered, withdrawn or left behind by the end of its run.
    pub closed_at: Option<Timestamp>,
    /// The answer, in one line.
    pub answer: Option<String>,
    /// When its kind's default happens; `None`: never, or it has happened.
    pub deadline: Option<Timestamp>,
    /// The answer as it was given.
    pub given: Option<GivenAnswer>,
}

/// An answer as stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Text(String),
    Allow,
    Deny(String),
}

fn to_stored(answer: &Answer) -> String {
    columns::to_json(&match answer {
        Answer::Text(text) => Stored::Text(text.clone()),
        Answer::Allow => Stored::Allow,
        Answer::Deny { message } => Stored::Deny(message.clone()),
    })
}

fn from_stored(text: &str) -> Result<Answer, StoreError> {
    Ok(match columns::json("questions.given", text)? {
        Stored::Text(text) => Answer::Text(text),
        Stored::Allow => Answer::Allow,
        Stored::Deny(message) => Answer::Deny { message },
    })
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = questions)]
struct Row {
    task_key: i64,
    run_number: i32,
    request_id: String,
    kind: String,
    text: String,
    tool: String,
    detail: String,
    options: String,
    asked_at: i64,
    closed_at: Option<i64>,
    answer: Option<String>,
    deadline: Option<i64>,
    given: Option<String>,
    given_by: Option<String>,
    given_at: Option<i64>,
    delivered_at: Option<i64>,
    told_run: Option<i32>,
}

const fn kind_text(kind: QuestionKind) -> &'static str {
    match kind {
        QuestionKind::Question => "question",
        QuestionKind::Permission => "permission",
        QuestionKind::PlanApproval => "plan_approval",
    }
}

fn kind_from(text: &str) -> Option<QuestionKind> {
    [QuestionKind::Question, QuestionKind::Permission, QuestionKind::PlanApproval].into_iter().find(|kind| kind_text(*kind) == text)
}

impl TryFrom<Row> for QuestionRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let options: Vec<(String, String)> = columns::json("questions.options", &row.options)?;
        let given = match row.given {
            None => None,
            Some(text) => Some(GivenAnswer {
                answer: from_stored(&text)?,
                by: row.given_by.unwrap_or_default(),
                at: Timestamp::from_millis(row.given_at.unwrap_or_default()),
                delivered_at: columns::instant(row.delivered_at),
                told_run: row.told_run.map(|number| columns::small("questions.told_run", number)).transpose()?,
            }),
        };
        Ok(Self {
            task_key: row.task_key,
            run_number: columns::small("questions.run_number", row.run_number)?,
            question: Question {
                request_id: row.request_id,
                kind: columns::read("questions.kind", &row.kind, kind_from)?,
                text: row.text,
                tool: row.tool,
                detail: row.detail,
                options: options.into_iter().map(|(label, description)| QuestionOption { label, description }).collect(),
            },
            asked_at: Timestamp::from_millis(row.asked_at),
            closed_at: columns::instant(row.closed_at),
            answer: row.answer,
            deadline: columns::instant(row.deadline),
            given,
        })
    }
}

queries! {
    /// Adds a question; false when it is known already.
    pub fn insert(connection, record: &QuestionRecord) -> Result<bool, StoreError> {
        let question = &record.question;
        let options: Vec<(&str, &str)> = question.options.iter().map(|option| (option.label.as_str(), option.description.as_str())).collect();
        let added = diesel::insert_into(questions::table)
            .values(Row {
                task_key: record.task_key,
                run_number: columns::int(record.run_number),
                request_id: question.request_id.clone(),
                kind: kind_text(question.kind).to_owned(),
                text: question.text.clone(),
                tool: question.tool.clone(),
                detail: question.detail.clone(),
                options: columns::to_json(&options),
                asked_at: record.asked_at.as_millis(),
                closed_at: record.closed_at.map(Timestamp::as_millis),
                answer: record.answer.clone(),
                deadline: record.deadline.map(Timestamp::as_millis),
                given: record.given.as_ref().map(|given| to_stored(&given.answer)),
                given_by: record.given.as_ref().map(|given| given.by.clone()),
                given_at: record.given.as_ref().map(|given| given.at.as_millis()),
                delivered_at: None,
                told_run: None,
            })
            .on_conflict_do_nothing()
            .execute(connection)?;
        Ok(added == 1)
    }

    /// Keeps the answer to an open question; false when it has one already. The deadline no longer matters.
    pub fn give(connection, task: i64, run: u32, request_id: &str, answer: &Answer, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        let open = questions::table
            .find((task, columns::int(run), request_id))
            .filter(questions::closed_at.is_null().and(questions::given.is_null()));
        let set = (
            questions::given.eq(to_stored(answer)),
            questions::given_by.eq(by),
            questions::given_at.eq(now.as_millis()),
            questions::deadline.eq(None::<i64>),
        );
        Ok(diesel::update(open).set(set).execute(connection)? == 1)
    }

    /// The agent has the answer, or took its question back: closes it. False when it was closed before or does not exist.
    pub fn close(connection, task: i64, run: u32, request_id: &str, answer: &str, now: Timestamp) -> Result<bool, StoreError> {
        let open = questions::table.find((task, columns::int(run), request_id)).filter(questions::closed_at.is_null());
        let set = (
            questions::closed_at.eq(now.as_millis()),
            questions::answer.eq(answer),
            questions::delivered_at.eq(now.as_millis()),
            questions::deadline.eq(None::<i64>),
        );
        Ok(diesel::update(open).set(set).execute(connection)? == 1)
    }

    /// Closes a question whose run is over, with the answer that the next run is told. False when it was closed before.
    pub fn close_late(connection, task: i64, run: u32, request_id: &str, answer: &str, now: Timestamp) -> Result<bool, StoreError> {
        let open = questions::table.find((task, columns::int(run), request_id)).filter(questions::closed_at.is_null());
        Ok(diesel::update(open).set((questions::closed_at.eq(now.as_millis()), questions::answer.eq(answer))).execute(connection)? == 1)
    }

    /// The agent came for the answer and has it. False when it had it before.
    pub fn deliver(connection, task: i64, run: u32, request_id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let fetched = questions::table
            .find((task, columns::int(run), request_id))
            .filter(questions::given.is_not_null().and(questions::delivered_at.is_null()));
        Ok(diesel::update(fetched).set(questions::delivered_at.eq(now.as_millis())).execute(connection)? == 1)
    }

    /// The agent never had these answers after all: they were kept back for one that did not come.
    pub fn undeliver(connection, task: i64, run: u32, request_ids: &[String]) -> Result<(), StoreError> {
        let kept_back = questions::table.filter(
            questions::task_key
                .eq(task)
                .and(questions::run_number.eq(columns::int(run)))
                .and(questions::request_id.eq_any(request_ids))
                .and(questions::given.is_not_null()),
        );
        diesel::update(kept_back).set(questions::delivered_at.eq(None::<i64>)).execute(connection)?;
        Ok(())
    }

    /// Nothing happens at the deadline of these questions any more.
    pub fn clear_deadlines(connection, task: i64) -> Result<(), StoreError> {
        let waiting = questions::table.filter(questions::task_key.eq(task).and(questions::deadline.is_not_null()));
        diesel::update(waiting).set(questions::deadline.eq(None::<i64>)).execute(connection)?;
        Ok(())
    }

    /// Questions whose deadline has passed, oldest first.
    pub fn expired(connection, now: Timestamp, limit: i64) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows = questions::table
            .filter(questions::deadline.le(now.as_millis()))
            .order((questions::deadline, questions::task_key, questions::request_id))
            .limit(limit)
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }

    /// The earliest deadline behind an instant.
    pub fn next_deadline(connection, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let waiting = questions::table.filter(questions::deadline.gt(after.as_millis()));
        let next: Option<i64> = waiting.select(diesel::dsl::min(questions::deadline)).get_result(connection)?;
        Ok(columns::instant(next))
    }

    /// Open questions of a run whose answer was given, oldest first: the agent may not have it yet.
    pub fn undelivered(connection, task: i64, run: u32) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows = questions::table
            .filter(
                questions::task_key
                    .eq(task)
                    .and(questions::run_number.eq(columns::int(run)))
                    .and(questions::closed_at.is_null())
                    .and(questions::given.is_not_null()),
            )
            .order((questions::asked_at, questions::request_id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }

    /// Every question of a task that was answered, oldest first.
    pub fn answered_of_task(connection, task: i64) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows = questions::table
            .filter(questions::task_key.eq(task).and(questions::given.is_not_null()))
            .order((questions::asked_at, questions::run_number, questions::request_id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }

    /// Every question of a run, oldest first.
    pub fn of_run(connection, task: i64, run: u32) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows = questions::table
            .filter(questions::task_key.eq(task).and(questions::run_number.eq(columns::int(run))))
            .order((questions::asked_at, questions::request_id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }

    /// A run began whose prompt tells what earlier runs were answered too late.
    pub fn tell(connection, task: i64, run: u32) -> Result<(), StoreError> {
        let late = questions::task_key
            .eq(task)
            .and(questions::run_number.lt(columns::int(run)))
            .and(questions::given.is_not_null())
            .and(questions::delivered_at.is_null())
            .and(questions::told_run.is_null());
        changed!(questions, late, questions::told_run.eq(columns::int(run))).execute(connection)?;
        Ok(())
    }

    /// Closes what a run that is over has left open.
    pub fn close_all(connection, task: i64, run: u32, answer: &str, now: Timestamp) -> Result<usize, StoreError> {
        let open = questions::task_key.eq(task).and(questions::run_number.eq(columns::int(run))).and(questions::closed_at.is_null());
        let set = (questions::closed_at.eq(now.as_millis()), questions::answer.eq(answer), questions::deadline.eq(None::<i64>));
        Ok(changed!(questions, open, set).execute(connection)?)
    }

    /// Closes every open question of a task: it goes on without the answers.
    pub fn abandon(connection, task: i64, answer: &str, now: Timestamp) -> Result<usize, StoreError> {
        let open = questions::task_key.eq(task).and(questions::closed_at.is_null());
        let set = (questions::closed_at.eq(now.as_millis()), questions::answer.eq(answer), questions::deadline.eq(None::<i64>));
        Ok(changed!(questions, open, set).execute(connection)?)
    }

    /// The open questions of a task, oldest first.
    pub fn open_of_task(connection, task: i64) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows = questions::table
            .filter(questions::task_key.eq(task).and(questions::closed_at.is_null()))
            .order(questions::asked_at)
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }

    /// The questions of a task that nobody has answered, oldest first.
    pub fn waiting_of_task(connection, task: i64) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows = questions::table
            .filter(questions::task_key.eq(task).and(questions::closed_at.is_null()).and(questions::given.is_null()))
            .order((questions::asked_at, questions::request_id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }

    /// Every question that nobody has answered, oldest first.
    pub fn open(connection) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows = questions::table
            .filter(questions::closed_at.is_null().and(questions::given.is_null()))
            .order(questions::asked_at)
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }
}

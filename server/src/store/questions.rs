//! Questions of agents that wait for a person, and what was answered.

use aq_core::output::{Question, QuestionKind, QuestionOption};
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::questions;

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
            })
            .on_conflict_do_nothing()
            .execute(connection)?;
        Ok(added == 1)
    }

    /// Closes a question with its answer; false when it was closed before or does not exist.
    pub fn close(connection, task: i64, run: u32, request_id: &str, answer: &str, now: Timestamp) -> Result<bool, StoreError> {
        let open = questions::table.find((task, columns::int(run), request_id)).filter(questions::closed_at.is_null());
        Ok(diesel::update(open).set((questions::closed_at.eq(now.as_millis()), questions::answer.eq(answer))).execute(connection)? == 1)
    }

    /// Closes what a run that is over has left open.
    pub fn close_all(connection, task: i64, run: u32, answer: &str, now: Timestamp) -> Result<usize, StoreError> {
        let open = questions::table.filter(
            questions::task_key.eq(task).and(questions::run_number.eq(columns::int(run))).and(questions::closed_at.is_null()),
        );
        Ok(diesel::update(open).set((questions::closed_at.eq(now.as_millis()), questions::answer.eq(answer))).execute(connection)?)
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

    /// Every open question, oldest first.
    pub fn open(connection) -> Result<Vec<QuestionRecord>, StoreError> {
        let rows =
            questions::table.filter(questions::closed_at.is_null()).order(questions::asked_at).select(Row::as_select()).load(connection)?;
        rows.into_iter().map(QuestionRecord::try_from).collect()
    }
}

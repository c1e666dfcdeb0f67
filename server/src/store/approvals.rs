//! Finished work that waits for approval: since when, the next reminder, and the pull request behind it. One row for each task in
//! AWAITING_APPROVAL; what the rows mean is decided in the orchestrator.

use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::approvals;

/// One wait for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Key of the task.
    pub task_key: i64,
    /// The run whose work waits.
    pub run_number: u32,
    /// Since when.
    pub since: Timestamp,
    /// When people are reminded next.
    pub remind_at: Timestamp,
    /// The repository at a forge, `host/owner/name`; empty: no pull request is wanted.
    pub repository: String,
    /// The pushed branch; empty when no pull request is wanted.
    pub branch: String,
    /// The pull request's number, once it is there.
    pub number: Option<u64>,
    /// Names the forge's last answer; empty: none.
    pub etag: String,
    /// What reviewers said last; empty: nothing.
    pub review: String,
    /// When the forge is asked next; `None`: never.
    pub ask_at: Option<Timestamp>,
    /// Failures of the forge in a row.
    pub failures: u32,
    /// What the forge said to the last failure; empty: nothing is wrong.
    pub problem: String,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = approvals, treat_none_as_null = true)]
struct Row {
    task_key: i64,
    run_number: i32,
    since: i64,
    remind_at: i64,
    repository: String,
    branch: String,
    number: Option<i64>,
    etag: String,
    review: String,
    ask_at: Option<i64>,
    failures: i32,
    problem: String,
}

impl TryFrom<Row> for Approval {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            task_key: row.task_key,
            run_number: columns::small("approvals.run_number", row.run_number)?,
            since: Timestamp::from_millis(row.since),
            remind_at: Timestamp::from_millis(row.remind_at),
            repository: row.repository,
            branch: row.branch,
            number: row.number.map(|number| columns::count("approvals.number", number)).transpose()?,
            etag: row.etag,
            review: row.review,
            ask_at: columns::instant(row.ask_at),
            failures: columns::small("approvals.failures", row.failures)?,
            problem: row.problem,
        })
    }
}

impl From<&Approval> for Row {
    fn from(approval: &Approval) -> Self {
        Self {
            task_key: approval.task_key,
            run_number: columns::int(approval.run_number),
            since: approval.since.as_millis(),
            remind_at: approval.remind_at.as_millis(),
            repository: approval.repository.clone(),
            branch: approval.branch.clone(),
            number: approval.number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)),
            etag: approval.etag.clone(),
            review: approval.review.clone(),
            ask_at: approval.ask_at.map(Timestamp::as_millis),
            failures: columns::int(approval.failures),
            problem: approval.problem.clone(),
        }
    }
}

queries! {
    /// All waits, by task.
    pub fn all(connection) -> Result<Vec<Approval>, StoreError> {
        let rows = approvals::table.order(approvals::task_key).select(Row::as_select()).load(connection)?;
        rows.into_iter().map(Approval::try_from).collect()
    }

    /// The wait of a task.
    pub fn get(connection, task_key: i64) -> Result<Option<Approval>, StoreError> {
        let row = approvals::table.find(task_key).select(Row::as_select()).get_result(connection).optional()?;
        row.map(Approval::try_from).transpose()
    }

    /// Writes a wait, in place of an earlier one of the task.
    pub fn put(connection, approval: &Approval) -> Result<(), StoreError> {
        let row = Row::from(approval);
        let changed = diesel::update(approvals::table.find(approval.task_key)).set(&row).execute(connection)?;
        if changed == 0 {
            diesel::insert_into(approvals::table).values(&row).execute(connection)?;
        }
        Ok(())
    }

    /// The wait of a task is over.
    pub fn remove(connection, task_key: i64) -> Result<(), StoreError> {
        diesel::delete(approvals::table.find(task_key)).execute(connection)?;
        Ok(())
    }
}

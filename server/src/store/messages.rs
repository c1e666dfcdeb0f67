//! What people told agents at work, and whether the agents have it.

use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::kept::changed;
use super::schema::messages;

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Key of the task.
    pub task_key: i64,
    /// Names the message within the task.
    pub message_id: String,
    /// The run that it was sent to.
    pub run_number: u32,
    /// The text.
    pub text: String,
    /// Who said it.
    pub actor: String,
    /// When.
    pub sent_at: Timestamp,
    /// When the agent had read it.
    pub delivered_at: Option<Timestamp>,
    /// The run whose prompt tells it, when its own run ended first.
    pub told_run: Option<u32>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = messages)]
struct Row {
    task_key: i64,
    message_id: String,
    run_number: i32,
    text: String,
    actor: String,
    sent_at: i64,
    delivered_at: Option<i64>,
    told_run: Option<i32>,
}

impl TryFrom<Row> for MessageRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            task_key: row.task_key,
            message_id: row.message_id,
            run_number: columns::small("messages.run_number", row.run_number)?,
            text: row.text,
            actor: row.actor,
            sent_at: Timestamp::from_millis(row.sent_at),
            delivered_at: columns::instant(row.delivered_at),
            told_run: row.told_run.map(|number| columns::small("messages.told_run", number)).transpose()?,
        })
    }
}

queries! {
    /// Adds a message; false when it is known already.
    pub fn insert(connection, record: &MessageRecord) -> Result<bool, StoreError> {
        let added = diesel::insert_into(messages::table)
            .values(Row {
                task_key: record.task_key,
                message_id: record.message_id.clone(),
                run_number: columns::int(record.run_number),
                text: record.text.clone(),
                actor: record.actor.clone(),
                sent_at: record.sent_at.as_millis(),
                delivered_at: record.delivered_at.map(Timestamp::as_millis),
                told_run: record.told_run.map(columns::int),
            })
            .on_conflict_do_nothing()
            .execute(connection)?;
        Ok(added == 1)
    }

    /// The agent has read it; false when that was known, or there is no such message.
    pub fn deliver(connection, task: i64, message_id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let waiting = messages::table.find((task, message_id)).filter(messages::delivered_at.is_null());
        Ok(diesel::update(waiting).set(messages::delivered_at.eq(now.as_millis())).execute(connection)? == 1)
    }

    /// A run began whose prompt tells what earlier runs did not read.
    pub fn tell(connection, task: i64, run: u32) -> Result<(), StoreError> {
        let late = messages::task_key
            .eq(task)
            .and(messages::run_number.lt(columns::int(run)))
            .and(messages::delivered_at.is_null())
            .and(messages::told_run.is_null());
        changed!(messages, late, messages::told_run.eq(columns::int(run))).execute(connection)?;
        Ok(())
    }

    /// Messages of a run that the agent has not read, oldest first.
    pub fn undelivered(connection, task: i64, run: u32) -> Result<Vec<MessageRecord>, StoreError> {
        let rows = messages::table
            .filter(messages::task_key.eq(task).and(messages::run_number.eq(columns::int(run))).and(messages::delivered_at.is_null()))
            .order((messages::sent_at, messages::message_id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(MessageRecord::try_from).collect()
    }

    /// How many messages a task has that no agent has read or was told.
    pub fn count_waiting(connection, task: i64) -> Result<i64, StoreError> {
        Ok(messages::table
            .filter(messages::task_key.eq(task).and(messages::delivered_at.is_null()).and(messages::told_run.is_null()))
            .count()
            .get_result(connection)?)
    }

    /// Every message of a task, oldest first.
    pub fn of_task(connection, task: i64) -> Result<Vec<MessageRecord>, StoreError> {
        let rows = messages::table
            .filter(messages::task_key.eq(task))
            .order((messages::sent_at, messages::message_id))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(MessageRecord::try_from).collect()
    }
}

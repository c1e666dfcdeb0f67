//! Events: committed facts with a sequence number.

use aq_core::event::{Event, EventKind};
use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::{events, tasks};

/// Rows written by one statement where there are many: when thousands change at once, and for what else comes in numbers. Each statement of
/// several rows ends with a look at everything that the command has changed so far, so that few large ones cost least.
const MANY: usize = 256;
const SOME: usize = 16;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct Row {
    seq: i64,
    at: i64,
    kind: String,
    project_id: Option<String>,
    task_id: Option<String>,
    run_number: Option<i32>,
    agent_id: Option<String>,
    payload: String,
    task_key: Option<i64>,
}

/// An event to record, with its details as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    event: Event,
    task_key: Option<i64>,
    payload: String,
}

impl NewEvent {
    /// An event about the task whose row has the key `task_key`; `None`: about no task. The events of a task are found by the key.
    #[must_use]
    pub fn new(event: Event, task_key: Option<i64>) -> Self {
        let payload = columns::to_json(&event.payload);
        Self { event, task_key, payload }
    }

    /// The event, to be told when it is committed.
    #[must_use]
    pub fn into_event(self) -> Event {
        self.event
    }
}

impl From<&NewEvent> for Row {
    fn from(NewEvent { event, task_key, payload }: &NewEvent) -> Self {
        Self {
            seq: columns::big(event.seq),
            at: event.at.as_millis(),
            kind: event.kind.as_str().to_owned(),
            project_id: event.project.as_ref().map(|id| id.as_str().to_owned()),
            task_id: event.task.as_ref().map(|id| id.as_str().to_owned()),
            run_number: event.run.map(columns::int),
            agent_id: event.agent.as_ref().map(|id| id.as_str().to_owned()),
            payload: payload.clone(),
            task_key: *task_key,
        }
    }
}

impl TryFrom<Row> for Event {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: columns::count("events.seq", row.seq)?,
            at: Timestamp::from_millis(row.at),
            kind: columns::read("events.kind", &row.kind, EventKind::parse)?,
            project: row.project_id.as_deref().map(ProjectId::from_trusted),
            task: row.task_id.as_deref().map(TaskId::from_trusted),
            run: row.run_number.map(|number| columns::small("events.run_number", number)).transpose()?,
            agent: row.agent_id.as_deref().map(AgentId::from_trusted),
            payload: columns::json("events.payload", &row.payload)?,
        })
    }
}

queries! {
    /// Adds events.
    pub fn insert(connection, new: &[NewEvent]) -> Result<(), StoreError> {
        // Three statements that are prepared once each: two for fixed numbers of rows, and one for the rows left over, mostly a single one.
        let (many, rest) = new.as_chunks::<MANY>();
        for part in many {
            diesel::insert_into(events::table).values(part.each_ref().map(Row::from)).execute(connection)?;
        }
        let (some, few) = rest.as_chunks::<SOME>();
        for part in some {
            diesel::insert_into(events::table).values(part.each_ref().map(Row::from)).execute(connection)?;
        }
        for event in few {
            diesel::insert_into(events::table).values(Row::from(event)).execute(connection)?;
        }
        Ok(())
    }

    /// The events after `cursor`, oldest first, at most `limit`.
    pub fn after(connection, cursor: u64, limit: i64) -> Result<Vec<Event>, StoreError> {
        let rows = events::table
            .filter(events::seq.gt(columns::big(cursor)))
            .order(events::seq)
            .limit(limit)
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(Event::try_from).collect()
    }

    /// The newest events, newest first, at most `limit`.
    pub fn recent(connection, limit: i64) -> Result<Vec<Event>, StoreError> {
        let rows = events::table.order(events::seq.desc()).limit(limit).select(Row::as_select()).load(connection)?;
        rows.into_iter().map(Event::try_from).collect()
    }

    /// The oldest and the newest sequence number kept; `None` when there is no event.
    pub fn range(connection) -> Result<Option<(u64, u64)>, StoreError> {
        let range: (Option<i64>, Option<i64>) =
            events::table.select((diesel::dsl::min(events::seq), diesel::dsl::max(events::seq))).first(connection)?;
        match range {
            (Some(first), Some(last)) => Ok(Some((columns::count("events.seq", first)?, columns::count("events.seq", last)?))),
            _ => Ok(None),
        }
    }

    /// The newest events that a filter lets through, older than `before` where given, newest first, at most `limit`.
    pub fn page(connection, filter: &EventQuery, before: Option<u64>, limit: i64) -> Result<Vec<Event>, StoreError> {
        let mut query = events::table.order(events::seq.desc()).limit(limit).select(Row::as_select()).into_boxed();
        if let Some(before) = before {
            query = query.filter(events::seq.lt(columns::big(before)));
        }
        if let Some(projects) = &filter.projects {
            query = query.filter(events::project_id.eq_any(projects.iter().map(ProjectId::as_str)));
        }
        if !filter.tasks.is_empty() {
            let keys = tasks::table.filter(tasks::id.eq_any(filter.tasks.iter().map(TaskId::as_str))).select(tasks::key.nullable());
            query = query.filter(events::task_key.eq_any(keys));
        }
        if let Some(run) = filter.run {
            query = query.filter(events::run_number.eq(columns::int(run)));
        }
        if !filter.kinds.is_empty() {
            query = query.filter(events::kind.eq_any(filter.kinds.iter().map(|kind| kind.as_str())));
        }
        let rows: Vec<Row> = query.load(connection)?;
        rows.into_iter().map(Event::try_from).collect()
    }

    /// Removes events older than `before`, but never the newest one: sequence numbers go on from it. Returns how many.
    pub fn remove_before(connection, before: Timestamp) -> Result<usize, StoreError> {
        let newest: Option<i64> = events::table.select(diesel::dsl::max(events::seq)).first(connection)?;
        let Some(newest) = newest else { return Ok(0) };
        Ok(diesel::delete(events::table.filter(events::at.lt(before.as_millis()).and(events::seq.lt(newest)))).execute(connection)?)
    }

    /// As [`remove_before`], from the oldest on and at most `limit` of them, so that the writer is never held up for long: call it again until
    /// it returns less than `limit`. Stops at the first event that is young enough.
    pub fn remove_some_before(connection, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
        let newest: Option<i64> = events::table.select(diesel::dsl::max(events::seq)).first(connection)?;
        let oldest: Vec<(i64, i64)> = events::table.order(events::seq).limit(limit).select((events::seq, events::at)).load(connection)?;
        let old = oldest.into_iter().take_while(|(seq, at)| *at < before.as_millis() && Some(*seq) != newest).last();
        let Some((last, _)) = old else { return Ok(0) };
        Ok(diesel::delete(events::table.filter(events::seq.le(last))).execute(connection)?)
    }
}

/// Which stored events are wanted. Conditions of different fields must all hold; within a field one is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Of these projects; `None`: of all, and those of no project.
    pub projects: Option<Vec<ProjectId>>,
    /// Of these tasks; empty: of all.
    pub tasks: Vec<TaskId>,
    /// Of the run of this number; `None`: of all.
    pub run: Option<u32>,
    /// Of these kinds; empty: of all.
    pub kinds: Vec<EventKind>,
}

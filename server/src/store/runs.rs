//! Runs: one row per attempt of a task. An open run is the lease of its agent and of its workspace; the schema holds that.
//!
//! Lists page by page live in `run_lists`.

use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::output::{FailureClass, TokenUsage};
use aq_core::run::{Run, RunEnd, RunPurpose, RunResult, RunState};
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::aside::{HeldRun, Readable};
use super::columns;
use super::dialect::{Connection, queries};
use super::error::StoreError;
use super::invariants::Offence;
use super::kept::changed;
use super::schema::runs;

/// A stored run: the domain's record and what only the store knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Key of the task.
    pub task_key: i64,
    /// Process id of the shim.
    pub pid: Option<u32>,
    /// Bytes of stored output.
    pub output_bytes: u64,
    /// The run.
    pub run: Run,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = runs, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) task_key: i64,
    pub(super) number: i32,
    task_id: String,
    project_id: String,
    agent_id: String,
    runtime: String,
    workspace_id: String,
    state: String,
    result: Option<String>,
    failure_class: Option<String>,
    message: String,
    summary: String,
    files_changed: String,
    commit_id: String,
    session_id: Option<String>,
    directory: String,
    base_commit: String,
    pid: Option<i64>,
    exit_code: Option<i32>,
    reserved_tokens: i64,
    tokens_input: i64,
    tokens_output: i64,
    tokens_cache_read: i64,
    tokens_cache_write: i64,
    output_items: i64,
    output_bytes: i64,
    pub(super) started_at: i64,
    ended_at: Option<i64>,
    pushed: bool,
    purpose: String,
}

impl TryFrom<Row> for RunRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let class = columns::read_optional("runs.failure_class", row.failure_class.as_deref(), FailureClass::parse)?;
        let result = columns::read_optional("runs.result", row.result.as_deref(), RunResult::parse)?;
        Ok(Self {
            task_key: row.task_key,
            pid: row.pid.and_then(|pid| u32::try_from(pid).ok()),
            output_bytes: columns::count("runs.output_bytes", row.output_bytes)?,
            run: Run {
                id: RunRef { task: TaskId::from_trusted(&row.task_id), number: columns::small("runs.number", row.number)? },
                project: ProjectId::from_trusted(&row.project_id),
                agent: AgentId::from_trusted(&row.agent_id),
                runtime: columns::runtime("runs.runtime", &row.runtime)?,
                workspace: WorkspaceId::from_trusted(&row.workspace_id),
                purpose: columns::read("runs.purpose", &row.purpose, RunPurpose::parse)?,
                state: columns::read("runs.state", &row.state, RunState::parse)?,
                end: result.map(|result| RunEnd { result, class, message: row.message }),
                started_at: Timestamp::from_millis(row.started_at),
                ended_at: columns::instant(row.ended_at),
                tokens: TokenUsage {
                    input: columns::count("runs.tokens_input", row.tokens_input)?,
                    output: columns::count("runs.tokens_output", row.tokens_output)?,
                    cache_read: columns::count("runs.tokens_cache_read", row.tokens_cache_read)?,
                    cache_write: columns::count("runs.tokens_cache_write", row.tokens_cache_write)?,
                },
                reserved_tokens: columns::count("runs.reserved_tokens", row.reserved_tokens)?,
                summary: row.summary,
                files_changed: columns::json("runs.files_changed", &row.files_changed)?,
                exit_code: row.exit_code,
                session_id: row.session_id,
                directory: row.directory,
                base_commit: row.base_commit,
                commit: row.commit_id,
                pushed: row.pushed,
                last_output_seq: columns::count("runs.output_items", row.output_items)?,
            },
        })
    }
}

impl From<&RunRecord> for Row {
    fn from(record: &RunRecord) -> Self {
        let run = &record.run;
        Self {
            task_key: record.task_key,
            number: columns::int(run.id.number),
            task_id: run.id.task.as_str().to_owned(),
            project_id: run.project.as_str().to_owned(),
            agent_id: run.agent.as_str().to_owned(),
            runtime: run.runtime.as_str().to_owned(),
            workspace_id: run.workspace.as_str().to_owned(),
            state: run.state.as_str().to_owned(),
            result: run.end.as_ref().map(|end| end.result.as_str().to_owned()),
            failure_class: run.end.as_ref().and_then(|end| end.class).map(|class| class.as_str().to_owned()),
            message: run.end.as_ref().map(|end| end.message.clone()).unwrap_or_default(),
            summary: run.summary.clone(),
            files_changed: columns::to_json(&run.files_changed),
            commit_id: run.commit.clone(),
            session_id: run.session_id.clone(),
            directory: run.directory.clone(),
            base_commit: run.base_commit.clone(),
            pid: record.pid.map(i64::from),
            exit_code: run.exit_code,
            reserved_tokens: columns::big(run.reserved_tokens),
            tokens_input: columns::big(run.tokens.input),
            tokens_output: columns::big(run.tokens.output),
            tokens_cache_read: columns::big(run.tokens.cache_read),
            tokens_cache_write: columns::big(run.tokens.cache_write),
            output_items: columns::big(run.last_output_seq),
            output_bytes: columns::big(record.output_bytes),
            started_at: run.started_at.as_millis(),
            ended_at: run.ended_at.map(Timestamp::as_millis),
            pushed: run.pushed,
            purpose: run.purpose.as_str().to_owned(),
        }
    }
}

/// What changes while a run is open and when it ends. Who runs where is written once, at the beginning.
#[derive(AsChangeset)]
#[diesel(table_name = runs, treat_none_as_null = true)]
struct ChangeRow<'a> {
    workspace_id: &'a str,
    state: &'a str,
    result: Option<&'a str>,
    failure_class: Option<&'a str>,
    message: &'a str,
    summary: &'a str,
    files_changed: String,
    commit_id: &'a str,
    session_id: Option<&'a str>,
    directory: &'a str,
    base_commit: &'a str,
    pid: Option<i64>,
    exit_code: Option<i32>,
    reserved_tokens: i64,
    tokens_input: i64,
    tokens_output: i64,
    tokens_cache_read: i64,
    tokens_cache_write: i64,
    output_items: i64,
    output_bytes: i64,
    ended_at: Option<i64>,
}

impl<'a> From<&'a RunRecord> for ChangeRow<'a> {
    fn from(record: &'a RunRecord) -> Self {
        let run = &record.run;
        Self {
            workspace_id: run.workspace.as_str(),
            state: run.state.as_str(),
            result: run.end.as_ref().map(|end| end.result.as_str()),
            failure_class: run.end.as_ref().and_then(|end| end.class).map(FailureClass::as_str),
            message: run.end.as_ref().map_or("", |end| &end.message),
            summary: &run.summary,
            files_changed: columns::to_json(&run.files_changed),
            commit_id: &run.commit,
            session_id: run.session_id.as_deref(),
            directory: &run.directory,
            base_commit: &run.base_commit,
            pid: record.pid.map(i64::from),
            exit_code: run.exit_code,
            reserved_tokens: columns::big(run.reserved_tokens),
            tokens_input: columns::big(run.tokens.input),
            tokens_output: columns::big(run.tokens.output),
            tokens_cache_read: columns::big(run.tokens.cache_read),
            tokens_cache_write: columns::big(run.tokens.cache_write),
            output_items: columns::big(run.last_output_seq),
            output_bytes: columns::big(record.output_bytes),
            ended_at: run.ended_at.map(Timestamp::as_millis),
        }
    }
}

/// Writes a run that was read before: all of it but who runs it where.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such run.
pub fn update(connection: &mut Connection, record: &RunRecord) -> Result<(), StoreError> {
    connection.touched.keys.push(record.task_key);
    write(connection, record)
}

/// Those of these rows that can be read; the others by their names.
pub(super) fn readable(rows: Vec<Row>) -> Result<Readable<RunRecord>, StoreError> {
    let mut found = Readable::default();
    for row in rows {
        let id = format!("{}/{}", row.task_id, row.number);
        found.take(|| id, RunRecord::try_from(row))?;
    }
    Ok(found)
}

/// Every run of a task, oldest first.
///
/// # Errors
/// Whatever the database answers, and the first row that cannot be read: what decides must know all of them.
pub fn of_task(connection: &mut Connection, task_key: i64) -> Result<Vec<RunRecord>, StoreError> {
    rows_of_task(connection, task_key)?.into_iter().map(RunRecord::try_from).collect()
}

/// The runs of a task that can be read, oldest first, for what is only shown (R24).
///
/// # Errors
/// Whatever the database answers.
pub fn shown_of_task(connection: &mut Connection, task_key: i64) -> Result<Vec<RunRecord>, StoreError> {
    Ok(readable(rows_of_task(connection, task_key)?)?.rows)
}

/// The open runs that can be read, by task and number.
///
/// # Errors
/// Whatever the database answers.
pub fn open(connection: &mut Connection) -> Result<Vec<RunRecord>, StoreError> {
    Ok(readable_open(connection)?.0.rows)
}

queries! {
    /// Adds a run. [`StoreError::Conflict`] when the agent or the workspace already serves an open run.
    pub fn insert(connection, record: &RunRecord) -> Result<(), StoreError> {
        diesel::insert_into(runs::table).values(Row::from(record)).execute(connection)?;
        Ok(())
    }

    fn write(connection, record: &RunRecord) -> Result<(), StoreError> {
        let run = runs::task_key.eq(record.task_key).and(runs::number.eq(columns::int(record.run.id.number)));
        let changed = changed!(runs, run, ChangeRow::from(record)).execute(connection)?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// The run of this number; `None` when there is none.
    pub fn get(connection, task_key: i64, number: u32) -> Result<Option<RunRecord>, StoreError> {
        let row = runs::table.find((task_key, columns::int(number))).select(Row::as_select()).get_result(connection).optional()?;
        row.map(RunRecord::try_from).transpose()
    }

    fn rows_of_task(connection, task_key: i64) -> Result<Vec<Row>, StoreError> {
        Ok(runs::table.filter(runs::task_key.eq(task_key)).order(runs::number).select(Row::as_select()).load(connection)?)
    }

    /// The runs that have not ended.
    pub fn readable_open(connection) -> Result<(Readable<RunRecord>, Vec<HeldRun>), StoreError> {
        let rows: Vec<Row> = runs::table
            .filter(runs::state.ne(RunState::Ended.as_str()))
            .order((runs::task_key, runs::number))
            .select(Row::as_select())
            .load(connection)?;
        let (mut found, mut held) = (Readable::default(), Vec::new());
        for row in rows {
            let places = HeldRun {
                task_key: row.task_key,
                id: RunRef { task: TaskId::from_trusted(&row.task_id), number: u32::try_from(row.number).unwrap_or(0) },
                project: ProjectId::from_trusted(&row.project_id),
                agent: AgentId::from_trusted(&row.agent_id),
                workspace: WorkspaceId::from_trusted(&row.workspace_id),
                started_at: Timestamp::from_millis(row.started_at),
            };
            let read = found.rows.len();
            found.take(|| format!("run {}", places.id), RunRecord::try_from(row))?;
            if found.rows.len() == read {
                held.push(places);
            }
        }
        Ok((found, held))
    }

    /// Runs that ended at or after `since`, oldest first: project, instant, result, tokens spent. What rebuilds the usage windows.
    pub fn ended_since(connection, since: Timestamp) -> Result<Vec<(String, Timestamp, RunResult, u64)>, StoreError> {
        type Ended = (String, Option<i64>, Option<String>, (i64, i64, i64, i64));
        let rows: Vec<Ended> = runs::table
            .filter(runs::ended_at.ge(since.as_millis()))
            .order((runs::ended_at, runs::task_key, runs::number))
            .select((
                runs::project_id,
                runs::ended_at,
                runs::result,
                (runs::tokens_input, runs::tokens_output, runs::tokens_cache_read, runs::tokens_cache_write),
            ))
            .load(connection)?;
        let mut ended = Vec::with_capacity(rows.len());
        for (project, at, result, (input, output, read, write)) in rows {
            let (Some(at), Some(result)) = (columns::instant(at), result) else { continue };
            // What cannot be read is no part of the sums; the check of the promises finds it.
            let Some(result) = RunResult::parse(&result) else { continue };
            let tokens = input.saturating_add(output).saturating_add(read).saturating_add(write);
            ended.push((project, at, result, u64::try_from(tokens).unwrap_or(0)));
        }
        Ok(ended)
    }

    /// When the runs of these tasks ended: task, number, instant. Runs that are open have none.
    pub fn ends_of(connection, tasks: &[TaskId]) -> Result<Vec<(RunRef, Option<Timestamp>)>, StoreError> {
        let mut found = Vec::new();
        for some in tasks.chunks(500) {
            let rows: Vec<(String, i32, String, Option<i64>)> = runs::table
                .filter(runs::task_id.eq_any(some.iter().map(TaskId::as_str)))
                .select((runs::task_id, runs::number, runs::state, runs::ended_at))
                .load(connection)?;
            for (task, number, state, ended) in rows {
                let number = u32::try_from(number).map_err(|_| StoreError::Corrupt { column: "runs.number", found: number.to_string() })?;
                let ended = columns::instant(ended).filter(|_| state == RunState::Ended.as_str());
                found.push((RunRef { task: TaskId::from_trusted(&task), number }, ended));
            }
        }
        Ok(found)
    }

    /// What cannot be read among the ended runs of the tasks whose keys are `from` or more and less than `below`.
    pub fn damaged_between(connection, from: i64, below: i64) -> Result<Vec<Offence>, StoreError> {
        let between = runs::task_key.ge(from).and(runs::task_key.lt(below)).and(runs::state.eq(RunState::Ended.as_str()));
        let rows: Vec<Row> = runs::table.filter(between).order((runs::task_key.desc(), runs::number)).select(Row::as_select()).load(connection)?;
        Ok(readable(rows)?.aside)
    }
}

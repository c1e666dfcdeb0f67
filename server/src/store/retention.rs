//! What retention has to know of rows: when runs ended, and what became of tasks that still have a directory.
//!
//! What of it goes is decided in `aq_core::retention`; removing it is the business of whoever owns the files.

use aq_core::ids::{RunRef, TaskId};
use aq_core::run::RunState;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::{runs, tasks};

/// SQLite refuses statements with very many parameters.
const NAMES: usize = 500;

/// A task that has a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The task.
    pub task: TaskId,
    /// Its key.
    pub key: i64,
    /// Its status.
    pub status: TaskStatus,
    /// True when it was deleted.
    pub deleted: bool,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its newest run; 0: it never ran.
    pub run_number: u32,
    /// Its branch, once it has one.
    pub branch: Option<String>,
}

queries! {
    /// The tasks of these names, deleted ones too; names that were never used are left out.
    pub fn seats(connection, names: &[TaskId]) -> Result<Vec<Seat>, StoreError> {
        type Row = (String, i64, String, Option<i64>, i64, i32, Option<String>);
        let mut found = Vec::new();
        for some in names.chunks(NAMES) {
            let rows: Vec<Row> = tasks::table
                .filter(tasks::id.eq_any(some.iter().map(TaskId::as_str)))
                .select((tasks::id, tasks::key, tasks::status, tasks::deleted_at, tasks::updated_at, tasks::run_number, tasks::branch))
                .load(connection)?;
            for (task, key, status, deleted, updated, run, branch) in rows {
                found.push(Seat {
                    task: TaskId::from_trusted(&task),
                    key,
                    status: columns::read("tasks.status", &status, TaskStatus::parse)?,
                    deleted: deleted.is_some(),
                    updated_at: Timestamp::from_millis(updated),
                    run_number: columns::small("tasks.run_number", run)?,
                    branch,
                });
            }
        }
        Ok(found)
    }

    /// When the runs of these tasks ended; `None` for an open one.
    pub fn run_ends(connection, names: &[TaskId]) -> Result<Vec<(RunRef, Option<Timestamp>)>, StoreError> {
        let mut found = Vec::new();
        for some in names.chunks(NAMES) {
            let rows: Vec<(String, i32, String, Option<i64>)> = runs::table
                .filter(runs::task_id.eq_any(some.iter().map(TaskId::as_str)))
                .select((runs::task_id, runs::number, runs::state, runs::ended_at))
                .load(connection)?;
            for (task, number, state, ended) in rows {
                let run = RunRef { task: TaskId::from_trusted(&task), number: columns::small("runs.number", number)? };
                found.push((run, columns::instant(ended).filter(|_| state == RunState::Ended.as_str())));
            }
        }
        Ok(found)
    }
}

//! A task comes into being: its row, its edges, its place among the figures, its event.

use aq_core::event::EventKind;
use aq_core::ids::TaskId;
use aq_core::names::generate_task_id;
use aq_core::task::TaskStatus;
use rand::Rng as _;
use serde_json::json;

use super::announcing::{Subject, Tx, announce};
use super::error::LifecycleError;
use super::moves::make_startable;
use crate::store::{StoreError, TaskRecord, dependencies, tasks};

/// A name that no task ever had.
///
/// # Errors
/// When the rows cannot be read, or no name is left.
pub fn free_name(tx: &mut Tx<'_>) -> Result<TaskId, StoreError> {
    let mut failed: Option<StoreError> = None;
    let (seen, random) = tx.state.seen_ids();
    let name = generate_task_id(
        seen,
        |below| random.random_range(0..below.max(1)),
        |name| match tasks::name_used(tx.db, name) {
            Ok(used) => used,
            Err(error) => {
                failed = Some(error);
                false
            }
        },
    );
    match failed {
        Some(error) => Err(error),
        None => name.map_err(|error| StoreError::Refused(error.to_string())),
    }
}

/// Adds a task that waits for `upstream`, each with its key and status. Status and number of unmet dependencies follow from them.
///
/// # Errors
/// When the rows cannot be written.
pub fn bring(tx: &mut Tx<'_>, record: &mut TaskRecord, upstream: &[(i64, TaskStatus)], actor: &str) -> Result<(), LifecycleError> {
    let unmet = upstream.iter().filter(|(_, status)| !status.satisfies_dependents()).count();
    record.unmet = u32::try_from(unmet).unwrap_or(u32::MAX);
    record.task.status = if unmet == 0 { TaskStatus::Ready } else { TaskStatus::Defined };
    tasks::insert(tx.db, record)?;
    for (key, _) in upstream {
        dependencies::insert(tx.db, record.key, *key)?;
    }
    tx.state.count(&record.task.project, None, Some(record.task.status));
    if record.task.status == TaskStatus::Ready {
        make_startable(tx, record);
    }
    let payload = json!({ "title": record.task.title, "status": record.task.status.as_str(), "actor": actor });
    announce(tx, EventKind::TaskCreated, record.task.created_at, Subject::task(record), payload)
}

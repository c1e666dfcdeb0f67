//! What follows a report: orders, and what the loop has to do.
//!
//! What a report means for its task lives in `reports`, what a failure means in `failures`.

use aq_core::ids::RunRef;
use aq_core::output::FailureClass;
use aq_core::run::{RunEnd, RunResult};
use aq_core::runner_link::RunnerOrder;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;

use super::orders::Draft;
use super::pass::starts;
use super::policy::Policy;
use crate::lifecycle::{LifecycleError, Tx, end};
use crate::store::{RunRecord, TaskRecord, tasks};

/// What follows a report.
#[derive(Clone, Debug, Default)]
pub(super) struct Followed {
    /// Orders for the runner.
    pub orders: Vec<RunnerOrder>,
    /// True when the run is over and its followers should end.
    pub ended: bool,
    /// Runs that began because of it and have to be started on a runner.
    pub begun: Vec<Draft>,
    /// True when the loop has something to look at: an instant to wait for, a run to stop.
    pub look: bool,
}

impl Followed {
    pub(super) fn order(order: RunnerOrder) -> Self {
        Self { orders: vec![order], ..Self::default() }
    }

    /// The run is over: its runner may forget it.
    fn released(task: &TaskRecord, run: &RunRecord) -> Self {
        let order = RunnerOrder::Release {
            run: run.run.id.clone(),
            project: run.run.project.clone(),
            task_ended: task.task.status == TaskStatus::Completed || task.deleted_at.is_some(),
        };
        // The loop has to know of a new instant to wait for, and to look at what the tokens of the run used up.
        let look = task.task.status == TaskStatus::Paused || run.run.tokens.total() > 0;
        Self { orders: vec![order], ended: true, look, begun: Vec::new() }
    }

    /// Begins what can begin now that an agent, a workspace or a task became free, in the transaction of the report that freed it.
    ///
    /// # Errors
    /// When the rows cannot be read or written.
    pub(super) fn and_starts(mut self, tx: &mut Tx<'_>, policy: &Policy, now: Timestamp) -> Result<Self, LifecycleError> {
        let (begun, account_opens) = starts(tx, policy, now)?;
        self.begun = begun;
        self.look |= account_opens.is_some();
        Ok(self)
    }
}

/// The circumstances of a report that ends a phase of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// The present instant.
    pub now: Timestamp,
    /// Output items stored so far.
    pub items: u64,
    /// Bytes of stored output so far.
    pub bytes: u64,
}

/// A report of a run that is not open: the runner may forget it.
///
/// # Errors
/// When the task cannot be read.
pub(super) fn forgotten(tx: &mut Tx<'_>, run: &RunRef) -> Result<Followed, LifecycleError> {
    let Some(task) = tasks::by_id(tx.db, &run.task)? else { return Ok(Followed::default()) };
    let order = RunnerOrder::Release { run: run.clone(), project: task.task.project, task_ended: false };
    Ok(Followed { orders: vec![order], ended: true, ..Followed::default() })
}

/// The run is over; its task stands where it belongs.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn over(
    tx: &mut Tx<'_>,
    task: &TaskRecord,
    record: &mut RunRecord,
    result: RunResult,
    class: Option<FailureClass>,
    message: String,
    now: Timestamp,
) -> Result<Followed, LifecycleError> {
    end(tx, task, record, RunEnd { result, class, message }, now)?;
    Ok(Followed::released(task, record))
}

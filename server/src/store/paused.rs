//! Tasks that wait for an instant, as far as limits are concerned: how many come back together, and which account they wait for.
//!
//! Taking up those that are due lives in `tasks`.

use aq_core::ids::AgentId;
use aq_core::run::RunResult;
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use diesel::prelude::*;

use super::dialect::queries;
use super::error::StoreError;
use super::schema::{runs, tasks};

queries! {
    /// How many PAUSED tasks go on from `from` on and before `until`.
    pub fn paused_between(connection, from: Timestamp, until: Timestamp) -> Result<usize, StoreError> {
        let count: i64 = tasks::table
            .filter(tasks::status.eq(TaskStatus::Paused.as_str()))
            .filter(tasks::resume_after.ge(from.as_millis()).and(tasks::resume_after.lt(until.as_millis())))
            .count()
            .get_result(connection)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// The agents of the last runs of all PAUSED tasks that a limit stopped, one entry for each task.
    pub fn paused_for_limits(connection) -> Result<Vec<AgentId>, StoreError> {
        let agents: Vec<String> = tasks::table
            .inner_join(runs::table.on(runs::task_key.eq(tasks::key).and(runs::number.eq(tasks::run_number))))
            // Every PAUSED task has an instant, if only that of never; said, because few tasks have one, and they have an index.
            .filter(tasks::resume_after.is_not_null())
            .filter(tasks::status.eq(TaskStatus::Paused.as_str()).and(tasks::deleted_at.is_null()))
            .filter(runs::result.eq(RunResult::Limited.as_str()))
            .select(runs::agent_id)
            .load(connection)?;
        Ok(agents.iter().map(|agent| AgentId::from_trusted(agent)).collect())
    }
}

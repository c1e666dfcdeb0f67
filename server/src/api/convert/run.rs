//! Runs.

use aq_core::run::{Run, RunPurpose, RunState};
use aq_core::task::{Task, TaskStatus};
use aq_proto::v1 as pb;

use super::words::{failure_class, run_outcome, run_state, runtime, timestamp};
use crate::events::wire;
use crate::store::details::RunCost;

/// A run of `task`. `cost` is what the ledger adds; `last_seq` the newest item of a run that is still open.
pub(in crate::api) fn run(task: &Task, run: &Run, cost: Option<&RunCost>, last_seq: Option<u64>) -> pb::Run {
    let newest = task.run_number == run.id.number;
    let waits = newest && task.status == TaskStatus::WaitingInput;
    let block = if newest { task.blocked_reason } else { None };
    let message = run.end.as_ref().map(|end| end.message.as_str()).filter(|message| !message.is_empty());
    let started = run.state != RunState::Starting && !run.directory.is_empty();
    pb::Run {
        task_id: run.id.task.to_string(),
        number: run.id.number,
        project_id: run.project.to_string(),
        agent_id: run.agent.to_string(),
        runtime: runtime(Some(run.runtime)),
        account_id: cost.map(|cost| cost.account.clone()).unwrap_or_default(),
        workspace_id: run.workspace.to_string(),
        state: run_state(run.state, waits),
        outcome: run.end.as_ref().map_or(0, |end| run_outcome(end.result, block)),
        failure_class: failure_class(run.end.as_ref().and_then(|end| end.class)),
        message: message.unwrap_or(&run.summary).to_owned(),
        exit_code: run.exit_code,
        session_id: run.session_id.clone().unwrap_or_default(),
        model: cost.map(|cost| cost.model.clone()).unwrap_or_default(),
        directory: run.directory.clone(),
        branch: task.branch.clone().unwrap_or_default(),
        base_commit: run.base_commit.clone(),
        commit: run.commit.clone(),
        files_changed: run.files_changed.clone(),
        pushed: run.pushed,
        usage: Some(wire::tokens(run.tokens)),
        cost_micros: cost.map_or(0, |cost| cost.cost_micros),
        last_seq: last_seq.unwrap_or(run.last_output_seq),
        created_at: Some(timestamp(run.started_at)),
        started_at: started.then(|| timestamp(run.started_at)),
        ended_at: run.ended_at.map(timestamp),
        is_review: run.purpose == RunPurpose::Review,
    }
}

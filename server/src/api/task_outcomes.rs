//! TaskService: what came out of a task, why it failed last (F-162), and a task that repairs it.

use aq_core::run::RunResult;
use aq_core::task::BlockedReason;
use aq_proto::v1 as pb;
use tonic::Request;

use super::convert;
use super::incoming::task_id;
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use super::views;
use crate::commands::{CommandError, Context, repair, task};
use crate::lifecycle::Tx;
use crate::store::{Connection, TaskRecord, dependencies, details, runs};

/// An agent reads results of its own task and of those that its own depends on; the rest is not there for it.
fn stands_on(db: &mut Connection, context: &Context, record: &TaskRecord) -> Result<(), ApiError> {
    let Some(run) = &context.principal.run else { return Ok(()) };
    let own = task(db, context, &run.task)?;
    let known = own.key == record.key || dependencies::upstream(db, own.key)?.contains(&record.key);
    if known { Ok(()) } else { Err(ApiError::not_found("task", record.task.id.as_str())) }
}

impl Tasks {
    pub(super) async fn repair(&self, request: Request<pb::CreateRepairTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let repair = move |tx: &mut Tx<'_>, context: &Context| {
            let made = repair::repair(tx, context, &id)?;
            Ok(views::answer_one(tx, context, made)?.into())
        };
        self.0.mutate(&call.context, &call.body, repair).await
    }

    pub(super) async fn result(&self, request: Request<pb::GetTaskResultRequest>) -> Reply<pb::GetTaskResultResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let (context, hub) = (call.context, self.0.parts.hub.clone());
        let found = self.0.turn(&context).read(move |db| {
            let record = task(db, &context, &id)?;
            stands_on(db, &context, &record)?;
            let all = runs::of_task(db, record.key)?;
            let done = |result| matches!(result, RunResult::Done | RunResult::NoOp | RunResult::NeedsReview | RunResult::NotLanded);
            let newest = all.iter().rev().find(|run| run.run.end.as_ref().is_some_and(|end| done(end.result)));
            let run = newest.ok_or_else(|| {
                CommandError::precondition("NO_RESULT", format!("task `{id}` has no result yet; see how it stands with GetTask"))
            })?;
            let costs = details::run_costs(db, &[record.key])?;
            Ok(pb::GetTaskResultResponse {
                task_status: convert::task_status(record.task.status),
                summary: run.run.summary.clone(),
                files_changed: run.run.files_changed.clone(),
                run: Some(views::run(&hub, &record, run, &costs)),
            })
        });
        Ok(tonic::Response::new(found.await?))
    }

    pub(super) async fn error(&self, request: Request<pb::GetTaskErrorRequest>) -> Reply<pb::GetTaskErrorResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let (context, hub) = (call.context, self.0.parts.hub.clone());
        let found = self.0.turn(&context).read(move |db| {
            let record = task(db, &context, &id)?;
            let all = runs::of_task(db, record.key)?;
            let failed = |result| matches!(result, RunResult::Failed | RunResult::NotLanded);
            let newest = all.iter().rev().find_map(|run| run.run.end.as_ref().filter(|end| failed(end.result)).map(|end| (run, end)));
            let (run, end) = newest.ok_or_else(|| CommandError::precondition("NO_ERROR", format!("no run of task `{id}` has failed")))?;
            let landing = record.task.blocked_reason.filter(|reason| reason.is_landing()).map(BlockedReason::remedy);
            let again = "approve the task to land it again, or restart it";
            let hint = end.class.map_or_else(|| landing.unwrap_or(again), aq_core::output::FailureClass::hint);
            let costs = details::run_costs(db, &[record.key])?;
            Ok(pb::GetTaskErrorResponse {
                task_status: convert::task_status(record.task.status),
                failure_class: convert::failure_class(end.class),
                message: end.message.clone(),
                hint: hint.to_owned(),
                retry_count: record.task.retry_count,
                max_retries: record.task.max_retries,
                block_reason: convert::block_reason(record.task.blocked_reason),
                run: Some(views::run(&hub, &record, run, &costs)),
            })
        });
        Ok(tonic::Response::new(found.await?))
    }
}

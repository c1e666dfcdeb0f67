//! TaskService: what a person does to a task as a whole, its dependencies, and talking to its agent.

use aq_core::runner_link::Answer;
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;
use pb::answer_question_request::Answer as Given;
use tonic::Request;

use super::convert;
use super::incoming::{member, short, task_id, task_status};
use super::service::Done;
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use super::views;
use crate::commands::{Context, control, edit, questions};
use crate::lifecycle::Tx;
use crate::store::{TaskRecord, dependencies, messages};

/// Most messages of an answer about messages.
const MAX_MESSAGES: usize = 200;

/// Most tasks on one side of an answer about dependencies.
const MAX_EDGES: usize = 2_000;

fn shown(tx: &mut Tx<'_>, context: &Context, record: TaskRecord) -> Result<Done<pb::Task>, ApiError> {
    Ok(views::answer_one(tx, context, record)?.into())
}

/// Both sides of a task's edges, ordered by id.
pub(super) fn both_sides(edges: dependencies::Edges) -> (Vec<pb::TaskRef>, Vec<pb::TaskRef>) {
    let side = |mut links: Vec<dependencies::TaskLink>| {
        links.sort_by(|a, b| a.id.cmp(&b.id));
        links.truncate(MAX_EDGES);
        links.iter().map(convert::link).collect::<Vec<_>>()
    };
    (side(edges.depends_on), side(edges.blocks))
}

fn edges_of(db: &mut crate::store::Connection, record: &TaskRecord) -> Result<pb::ListDependenciesResponse, ApiError> {
    let edges = dependencies::map(db, &[record.key])?.remove(&record.key).unwrap_or_default();
    let (dependencies, dependents) = both_sides(edges);
    Ok(pb::ListDependenciesResponse { task: Some(convert::task_ref(record)), dependencies, dependents })
}

impl Tasks {
    pub(super) async fn set_status(&self, request: Request<pb::SetTaskStatusRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let allowed = [TaskStatus::Ready, TaskStatus::Completed, TaskStatus::Blocked, TaskStatus::Defined];
        let status = task_status("status", call.body.status)?.filter(|status| allowed.contains(status)).ok_or_else(|| {
            ApiError::invalid("status", "must be READY, COMPLETED, BLOCKED or DEFINED; the others follow from what happens")
        })?;
        let reason = short("reason", &call.body.reason)?;
        if reason.trim().is_empty() {
            return Err(ApiError::invalid("reason", "is empty; say why the status is set by hand").into());
        }
        let set = move |tx: &mut Tx<'_>, context: &Context| {
            let record = control::set_status(tx, context, &id, status, &reason)?;
            shown(tx, context, record)
        };
        self.0.mutate(&call.context, &call.body, set).await
    }

    pub(super) async fn stop(&self, request: Request<pb::StopTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let (id, reason) = (task_id("task_id", &call.body.task_id)?, short("reason", &call.body.reason)?);
        let stop = move |tx: &mut Tx<'_>, context: &Context| {
            let record = control::stop(tx, context, &id, &reason)?;
            shown(tx, context, record)
        };
        self.0.mutate(&call.context, &call.body, stop).await
    }

    pub(super) async fn restart(&self, request: Request<pb::RestartTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let feedback = call.body.feedback.clone();
        if feedback.len() > questions::MAX_TEXT_BYTES || feedback.contains('\0') {
            return Err(ApiError::invalid("feedback", format!("is longer than {} bytes", questions::MAX_TEXT_BYTES)).into());
        }
        let restart = move |tx: &mut Tx<'_>, context: &Context| {
            let record = control::restart(tx, context, &id, &feedback)?;
            shown(tx, context, record)
        };
        self.0.mutate(&call.context, &call.body, restart).await
    }

    pub(super) async fn skip(&self, request: Request<pb::SkipTaskRequest>) -> Reply<pb::SkipTaskResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let skip = move |tx: &mut Tx<'_>, context: &Context| {
            let skipped = control::skip(tx, context, &id)?;
            let named = |records: &[TaskRecord]| records.iter().take(MAX_EDGES).map(convert::task_ref).collect();
            let answer = pb::SkipTaskResponse {
                unblocked: named(&skipped.unblocked),
                still_waiting: named(&skipped.waiting),
                landing: skipped.landing.as_ref().map(convert::task_ref),
                task: Some(views::answer_one(tx, context, skipped.record)?),
            };
            Ok(answer.into())
        };
        self.0.mutate(&call.context, &call.body, skip).await
    }

    pub(super) async fn delete(&self, request: Request<pb::DeleteTaskRequest>) -> Reply<pb::DeleteTaskResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let delete = move |tx: &mut Tx<'_>, context: &Context| {
            let gone = control::delete(tx, context, &id)?;
            Ok(pb::DeleteTaskResponse { title: gone.task.title }.into())
        };
        self.0.mutate(&call.context, &call.body, delete).await
    }

    pub(super) async fn approve(&self, request: Request<pb::ApproveTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        // The orchestrator finds the run that was taken up again, and orders its conclusion.
        let approve = move |tx: &mut Tx<'_>, context: &Context| {
            let record = control::approve(tx, context, &id)?;
            shown(tx, context, record)
        };
        self.0.mutate(&call.context, &call.body, approve).await
    }

    pub(super) async fn reject(&self, request: Request<pb::RejectTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let (id, reason) = (task_id("task_id", &call.body.task_id)?, short("reason", &call.body.reason)?);
        if reason.trim().is_empty() {
            return Err(ApiError::invalid("reason", "is empty; say what is wrong with the work").into());
        }
        let reject = move |tx: &mut Tx<'_>, context: &Context| {
            let record = control::reject(tx, context, &id, &reason)?;
            shown(tx, context, record)
        };
        self.0.mutate(&call.context, &call.body, reject).await
    }

    pub(super) async fn add_edge(&self, request: Request<pb::AddDependencyRequest>) -> Reply<pb::ListDependenciesResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let on = task_id("depends_on_task_id", &call.body.depends_on_task_id)?;
        let add = move |tx: &mut Tx<'_>, context: &Context| {
            let record = edit::add_dependency(tx, context, &id, &on)?;
            Ok(edges_of(tx.db, &record)?.into())
        };
        self.0.mutate(&call.context, &call.body, add).await
    }

    pub(super) async fn remove_edge(&self, request: Request<pb::RemoveDependencyRequest>) -> Reply<pb::ListDependenciesResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let on = task_id("depends_on_task_id", &call.body.depends_on_task_id)?;
        let remove = move |tx: &mut Tx<'_>, context: &Context| {
            let record = edit::remove_dependency(tx, context, &id, &on)?;
            Ok(edges_of(tx.db, &record)?.into())
        };
        self.0.mutate(&call.context, &call.body, remove).await
    }

    pub(super) async fn edges(&self, request: Request<pb::ListDependenciesRequest>) -> Reply<pb::ListDependenciesResponse> {
        let call = self.0.admit(request)?;
        let (id, context) = (task_id("task_id", &call.body.task_id)?, call.context);
        let found = self.0.turn(&context).read(move |db| {
            let record = crate::commands::task(db, &context, &id)?;
            edges_of(db, &record)
        });
        Ok(tonic::Response::new(found.await?))
    }

    pub(super) async fn answer(&self, request: Request<pb::AnswerQuestionRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let question = short("question_id", &call.body.question_id)?;
        let given = match &call.body.answer {
            None => return Err(ApiError::invalid("answer", "is missing; give text, allow or deny").into()),
            Some(Given::Text(text)) => Answer::Text(text.clone()),
            Some(Given::Allow(_)) => Answer::Allow,
            Some(Given::Deny(deny)) => Answer::Deny { message: short("deny.message", &deny.message)? },
        };
        let scope = match &call.body.answer {
            Some(Given::Allow(allow)) => member::<pb::PermissionScope>("allow.remember", allow.remember)?,
            _ => None,
        };
        let remember = scope.and_then(|scope| match scope {
            pb::PermissionScope::Task => Some(questions::Remember::Task),
            pb::PermissionScope::Project => Some(questions::Remember::Project),
            pb::PermissionScope::Unspecified => None,
        });
        let answer = move |tx: &mut Tx<'_>, context: &Context| {
            let (record, order) = questions::answer(tx, context, &id, &question, given.clone(), remember)?;
            Ok(Done { answer: views::answer_one(tx, context, record)?, orders: order.into_iter().collect() })
        };
        self.0.mutate(&call.context, &call.body, answer).await
    }

    pub(super) async fn message(&self, request: Request<pb::SendMessageRequest>) -> Reply<pb::SendMessageResponse> {
        let call = self.0.admit(request)?;
        let (id, text) = (task_id("task_id", &call.body.task_id)?, call.body.text.clone());
        // The command may run twice within one submission: the message keeps its id.
        let message = uuid::Uuid::now_v7().to_string();
        let send = move |tx: &mut Tx<'_>, context: &Context| {
            let (message_id, run_number, order) = questions::message(tx, context, &id, message.clone(), &text)?;
            Ok(Done { answer: pb::SendMessageResponse { message_id, run_number }, orders: vec![order] })
        };
        self.0.mutate(&call.context, &call.body, send).await
    }

    pub(super) async fn messages(&self, request: Request<pb::ListMessagesRequest>) -> Reply<pb::ListMessagesResponse> {
        let call = self.0.admit(request)?;
        let (id, context) = (task_id("task_id", &call.body.task_id)?, call.context);
        let found = self.0.turn(&context).read(move |db| {
            let record = crate::commands::task(db, &context, &id)?;
            let all = messages::of_task(db, record.key)?;
            let newest = all.len().saturating_sub(MAX_MESSAGES);
            Ok(pb::ListMessagesResponse { messages: all.iter().skip(newest).map(convert::message).collect() })
        });
        Ok(tonic::Response::new(found.await?))
    }
}

//! TaskService: creating and changing; the rest of its calls live in `task_reads` and `task_control`.

use aq_core::task::{Attachment, AttachmentKind};
use aq_proto::v1 as pb;
use pb::task_service_server::TaskService;
use tonic::Request;

use super::incoming::{given, task_id};
use super::service::Api;
use super::status::{ApiError, Reply};
use super::task_fields::{Change, change, new_task};
use super::views;
use crate::commands::create::{NewTask, create};
use crate::commands::edit::{self, TaskEdit};
use crate::commands::{CommandError, Context, task};
use crate::lifecycle::Tx;
use crate::store::{TaskRecord, attachments};

/// Most tasks of one batch.
const MAX_BATCH: usize = 200;

/// The service.
pub(super) struct Tasks(pub(super) Api);

/// Lays an update over a task: attachments of the named kinds are replaced, the other kinds stay.
fn lay(tx: &mut Tx<'_>, context: &Context, id: &aq_core::ids::TaskId, change: &Change) -> Result<TaskRecord, ApiError> {
    let found = task(tx.db, context, id)?;
    if !change.attachments.is_empty() {
        let mut kept: Vec<Attachment> = attachments::of_task(tx.db, found.key)?;
        for (kind, new) in &change.attachments {
            kept.retain(|attachment| attachment.kind != *kind);
            kept.extend(new.iter().cloned());
        }
        let place = |kind: AttachmentKind| AttachmentKind::ALL.iter().position(|known| *known == kind);
        kept.sort_by_key(|attachment| place(attachment.kind));
        attachments::replace(tx.db, found.key, &kept)?;
    }
    // An update of attachments only still is an update of the task, with its event.
    let mut fields: TaskEdit = change.edit.clone();
    if !change.attachments.is_empty() && fields.priority.is_none() {
        fields.priority = Some(found.task.priority);
    }
    Ok(edit::edit(tx, context, id, &fields)?)
}

impl Tasks {
    async fn create(&self, request: Request<pb::CreateTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let mut new = new_task(&call.body, "")?;
        new.key.clear();
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            let made = create(tx, context, std::slice::from_ref(&new))?;
            let made = made.into_iter().map(|record| (record, new.plan_approval)).collect();
            let mut answer = views::answer_new(tx, context, made)?;
            Ok(answer.pop().unwrap_or_default().into())
        };
        self.0.mutate(&call.context, &call.body, create).await
    }

    async fn create_batch(&self, request: Request<pb::BatchCreateTasksRequest>) -> Reply<pb::BatchCreateTasksResponse> {
        let call = self.0.admit(request)?;
        let count = call.body.tasks.len();
        if count == 0 || count > MAX_BATCH {
            return Err(ApiError::invalid("tasks", format!("holds {count} tasks; 1 to {MAX_BATCH} are allowed")).into());
        }
        let mut new: Vec<NewTask> = Vec::with_capacity(count);
        for (index, task) in call.body.tasks.iter().enumerate() {
            let at = format!("tasks[{index}].");
            if !task.request_id.is_empty() {
                return Err(ApiError::invalid(format!("{at}request_id"), "must be empty; the batch has one").into());
            }
            new.push(new_task(task, &at)?);
        }
        let order = in_order(&new)?;
        let create = move |tx: &mut Tx<'_>, context: &Context| {
            let sorted: Vec<NewTask> = order.iter().filter_map(|index| new.get(*index).cloned()).collect();
            let made = create(tx, context, &sorted).map_err(|error| in_place(error, &order))?;
            let mut made: Vec<_> = order.iter().copied().zip(made).collect();
            made.sort_by_key(|(index, _)| *index);
            let rule = |index: usize| new.get(index).and_then(|task| task.plan_approval);
            let tasks = views::answer_new(tx, context, made.into_iter().map(|(index, record)| (record, rule(index))).collect())?;
            Ok(pb::BatchCreateTasksResponse { tasks }.into())
        };
        self.0.mutate(&call.context, &call.body, create).await
    }

    async fn update(&self, request: Request<pb::UpdateTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let task = given("task", call.body.task.as_ref())?;
        let id = task_id("task.id", &task.id)?;
        let change = change(task, call.body.update_mask.as_ref())?;
        let update = move |tx: &mut Tx<'_>, context: &Context| {
            let record = lay(tx, context, &id, &change)?;
            Ok(views::answer_one(tx, context, record)?.into())
        };
        self.0.mutate(&call.context, &call.body, update).await
    }
}

/// Names the entries of the request where the error names those of the sorted batch.
fn in_place(error: CommandError, order: &[usize]) -> CommandError {
    let CommandError::Invalid(mut wrong) = error else { return error };
    for violation in &mut wrong {
        let named = violation.field.strip_prefix("tasks[").and_then(|rest| rest.split_once("]."));
        let sorted = named.and_then(|(index, rest)| Some((index.parse::<usize>().ok()?, rest.to_owned())));
        // A batch of one is named like a single task.
        let (index, rest) = sorted.unwrap_or((0, violation.field.clone()));
        violation.field = format!("tasks[{}].{rest}", order.get(index).copied().unwrap_or(index));
    }
    CommandError::Invalid(wrong)
}

/// The order in which the entries of a batch can be created: each behind those it waits for.
fn in_order(new: &[NewTask]) -> Result<Vec<usize>, ApiError> {
    let place = |text: &str| new.iter().position(|task| !task.key.is_empty() && task.key == text);
    let mut order = Vec::with_capacity(new.len());
    let mut done = vec![false; new.len()];
    while order.len() < new.len() {
        let before = order.len();
        for (index, task) in new.iter().enumerate() {
            if done.get(index).copied().unwrap_or(true) {
                continue;
            }
            for (edge, text) in task.after.iter().enumerate() {
                if text.starts_with('#') && place(text).is_none() {
                    return Err(ApiError::invalid(format!("tasks[{index}].after[{edge}]"), "names no entry of this batch"));
                }
            }
            let free = task.after.iter().filter_map(|text| place(text)).all(|on| done.get(on).copied().unwrap_or(false));
            if free && let Some(flag) = done.get_mut(index) {
                *flag = true;
                order.push(index);
            }
        }
        if order.len() == before {
            let stuck = done.iter().position(|done| !done).unwrap_or_default();
            return Err(ApiError::invalid(format!("tasks[{stuck}].after"), "waits for itself through other entries of this batch"));
        }
    }
    Ok(order)
}

macro_rules! forward {
    ($($name:ident($request:ident) -> $answer:ident = $to:ident;)+) => {
        #[tonic::async_trait]
        impl TaskService for Tasks {
            $(async fn $name(&self, request: Request<pb::$request>) -> Reply<pb::$answer> {
                self.$to(request).await
            })+
        }
    };
}

forward! {
    create_task(CreateTaskRequest) -> Task = create;
    batch_create_tasks(BatchCreateTasksRequest) -> BatchCreateTasksResponse = create_batch;
    propose_task(ProposeTaskRequest) -> ProposeTaskResponse = propose;
    report_progress(ReportProgressRequest) -> ReportProgressResponse = progress;
    ask_human(AskHumanRequest) -> AskHumanResponse = ask_human;
    get_task(GetTaskRequest) -> GetTaskResponse = get;
    list_tasks(ListTasksRequest) -> ListTasksResponse = list;
    get_task_tree(GetTaskTreeRequest) -> GetTaskTreeResponse = tree;
    update_task(UpdateTaskRequest) -> Task = update;
    set_task_status(SetTaskStatusRequest) -> Task = set_status;
    add_dependency(AddDependencyRequest) -> ListDependenciesResponse = add_edge;
    remove_dependency(RemoveDependencyRequest) -> ListDependenciesResponse = remove_edge;
    list_dependencies(ListDependenciesRequest) -> ListDependenciesResponse = edges;
    stop_task(StopTaskRequest) -> Task = stop;
    restart_task(RestartTaskRequest) -> Task = restart;
    skip_task(SkipTaskRequest) -> SkipTaskResponse = skip;
    delete_task(DeleteTaskRequest) -> DeleteTaskResponse = delete;
    approve_task(ApproveTaskRequest) -> Task = approve;
    reject_task(RejectTaskRequest) -> Task = reject;
    answer_question(AnswerQuestionRequest) -> Task = answer;
    list_permission_grants(ListPermissionGrantsRequest) -> ListPermissionGrantsResponse = grants;
    revoke_permission_grant(RevokePermissionGrantRequest) -> PermissionGrant = revoke_grant;
    send_message(SendMessageRequest) -> SendMessageResponse = message;
    list_messages(ListMessagesRequest) -> ListMessagesResponse = messages;
    explain_task(ExplainTaskRequest) -> ExplainTaskResponse = explain;
    forecast_tasks(ForecastTasksRequest) -> ForecastTasksResponse = forecast;
    list_questions(ListQuestionsRequest) -> ListQuestionsResponse = questions;
    archive_tasks(ArchiveTasksRequest) -> ArchiveTasksResponse = archive;
    restore_task(RestoreTaskRequest) -> Task = restore;
    list_archived_tasks(ListArchivedTasksRequest) -> ListArchivedTasksResponse = archived;
    get_archive_settings(GetArchiveSettingsRequest) -> GetArchiveSettingsResponse = archive_settings;
    get_chain_health(GetChainHealthRequest) -> GetChainHealthResponse = chain_health;
    create_repair_task(CreateRepairTaskRequest) -> Task = repair;
    get_task_result(GetTaskResultRequest) -> GetTaskResultResponse = result;
    get_task_error(GetTaskErrorRequest) -> GetTaskErrorResponse = error;
}

//! The calls about tasks: reading works, the rest says that it is not needed.

use aq_proto::error_detail::ErrorDetail;
use aq_proto::v1;
use aq_proto::v1::task_service_server::TaskService;
use tonic::{Code, Request, Response, Status};

use super::Fake;

pub(crate) struct Tasks(pub(crate) Fake);

macro_rules! service {
    ($($name:ident: $request:ident => $response:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl TaskService for Tasks {
            async fn get_task(&self, request: Request<v1::GetTaskRequest>) -> Result<Response<v1::GetTaskResponse>, Status> {
                let id = request.into_inner().task_id;
                let task = self.0.tasks.lock().unwrap().iter().find(|task| task.id == id).cloned();
                let missing = || ErrorDetail::new("TASK_NOT_FOUND").with_resource("task", &id).into_status(Code::NotFound, format!("no task `{id}`"));
                let task = Some(task.ok_or_else(missing)?);
                Ok(Response::new(v1::GetTaskResponse { task, ..Default::default() }))
            }

            async fn list_tasks(&self, request: Request<v1::ListTasksRequest>) -> Result<Response<v1::ListTasksResponse>, Status> {
                let query = request.into_inner().query;
                let tasks: Vec<v1::Task> = self.0.tasks.lock().unwrap().iter().filter(|task| task.id.contains(&query)).cloned().collect();
                let total_size = u32::try_from(tasks.len()).unwrap();
                Ok(Response::new(v1::ListTasksResponse { tasks, total_size, ..Default::default() }))
            }

            async fn stop_task(&self, _: Request<v1::StopTaskRequest>) -> Result<Response<v1::Task>, Status> {
                Err(ErrorDetail::new("NOT_RUNNING").into_status(Code::FailedPrecondition, "the task does not run"))
            }

            async fn update_task(&self, _: Request<v1::UpdateTaskRequest>) -> Result<Response<v1::Task>, Status> {
                let detail = ErrorDetail::new("INVALID").with_violation("task.title", "must not be empty");
                Err(detail.into_status(Code::InvalidArgument, "1 field is wrong"))
            }

            $(async fn $name(&self, _: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                Err(Status::unimplemented("not needed"))
            })+
        }
    };
}

service! {
    create_task: CreateTaskRequest => Task,
    batch_create_tasks: BatchCreateTasksRequest => BatchCreateTasksResponse,
    propose_task: ProposeTaskRequest => ProposeTaskResponse,
    report_progress: ReportProgressRequest => ReportProgressResponse,
    ask_human: AskHumanRequest => AskHumanResponse,
    get_task_tree: GetTaskTreeRequest => GetTaskTreeResponse,
    set_task_status: SetTaskStatusRequest => Task,
    add_dependency: AddDependencyRequest => ListDependenciesResponse,
    remove_dependency: RemoveDependencyRequest => ListDependenciesResponse,
    list_dependencies: ListDependenciesRequest => ListDependenciesResponse,
    restart_task: RestartTaskRequest => Task,
    skip_task: SkipTaskRequest => SkipTaskResponse,
    delete_task: DeleteTaskRequest => DeleteTaskResponse,
    approve_task: ApproveTaskRequest => Task,
    reject_task: RejectTaskRequest => Task,
    answer_question: AnswerQuestionRequest => Task,
    list_permission_grants: ListPermissionGrantsRequest => ListPermissionGrantsResponse,
    revoke_permission_grant: RevokePermissionGrantRequest => PermissionGrant,
    send_message: SendMessageRequest => SendMessageResponse,
    list_messages: ListMessagesRequest => ListMessagesResponse,
    explain_task: ExplainTaskRequest => ExplainTaskResponse,
    forecast_tasks: ForecastTasksRequest => ForecastTasksResponse,
    list_questions: ListQuestionsRequest => ListQuestionsResponse,
    archive_tasks: ArchiveTasksRequest => ArchiveTasksResponse,
    restore_task: RestoreTaskRequest => Task,
    list_archived_tasks: ListArchivedTasksRequest => ListArchivedTasksResponse,
    get_archive_settings: GetArchiveSettingsRequest => GetArchiveSettingsResponse,
    get_chain_health: GetChainHealthRequest => GetChainHealthResponse,
    create_repair_task: CreateRepairTaskRequest => Task,
    get_task_result: GetTaskResultRequest => GetTaskResultResponse,
    get_task_error: GetTaskErrorRequest => GetTaskErrorResponse,
}

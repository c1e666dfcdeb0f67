//! Calls: as the gateway itself, or for a person who may do no more than a role.

use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::error_detail::ErrorDetail;
use aq_proto::resume::is_fatal;
use aq_proto::v1 as pb;
use tonic::{Code, Status};

use crate::trust::{Person, Role};

/// Longest pause between two tries while the server is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The way to the server. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    connection: Connection,
}

impl Backend {
    /// Over this connection.
    pub(crate) const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// As the gateway itself: reading only.
    pub(crate) const fn own(&self) -> &Connection {
        &self.connection
    }

    /// For a person, who may do no more than `role`: the server checks it again.
    pub(crate) fn person(&self, person: &Person, role: Role) -> Result<Connection, Status> {
        let name = format!("discord:{}", person.id);
        self.connection.acting_as(&name, role.as_str()).ok_or_else(|| Status::internal("a name that cannot travel"))
    }

    /// Makes a call that may be repeated again and again while the server is away.
    pub(crate) async fn patiently<T, F: Future<Output = Result<T, Status>>>(
        &self,
        mut call: impl FnMut(Connection) -> F,
    ) -> Result<T, Status> {
        let mut pause = Duration::from_millis(200);
        loop {
            match call(self.connection.clone()).await {
                Err(status) if passes(&status) => {
                    tracing::debug!(message = status.message(), "the server is away; trying again");
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                other => return other,
            }
        }
    }

    /// A task with its relations; `None` when it is gone.
    pub(crate) async fn task(&self, task: &str) -> Result<Option<pb::GetTaskResponse>, Status> {
        let read = |connection: Connection| async move {
            let request = pb::GetTaskRequest { task_id: task.to_owned() };
            connection.tasks().get_task(request).await.map(tonic::Response::into_inner)
        };
        absent(self.patiently(read).await)
    }

    /// A run; `None` when it is gone.
    pub(crate) async fn run(&self, task: &str, number: u32) -> Result<Option<pb::Run>, Status> {
        let read = |connection: Connection| async move {
            let request = pb::GetRunRequest { task_id: task.to_owned(), run_number: number };
            connection.runs().get_run(request).await.map(tonic::Response::into_inner)
        };
        absent(self.patiently(read).await)
    }

    /// Why a task failed last; `None` when nothing failed.
    pub(crate) async fn error(&self, task: &str) -> Option<pb::GetTaskErrorResponse> {
        let read = |connection: Connection| async move {
            let request = pb::GetTaskErrorRequest { task_id: task.to_owned() };
            connection.tasks().get_task_error(request).await.map(tonic::Response::into_inner)
        };
        self.patiently(read).await.ok()
    }

    /// The questions of a project that wait, at most 200.
    pub(crate) async fn questions(&self, project: &str) -> Result<Vec<pb::PendingQuestion>, Status> {
        let read = |connection: Connection| async move {
            let request = pb::ListQuestionsRequest { project_id: project.to_owned(), page_size: 200, page_token: String::new() };
            connection.tasks().list_questions(request).await.map(|answer| answer.into_inner().questions)
        };
        Ok(absent(self.patiently(read).await)?.unwrap_or_default())
    }

    /// Every project.
    pub(crate) async fn projects(&self) -> Result<Vec<pb::Project>, Status> {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = token.clone();
            let read = |connection: Connection| {
                let request = pb::ListProjectsRequest { page_size: 200, page_token: page.clone(), ..Default::default() };
                async move { connection.projects().list_projects(request).await.map(tonic::Response::into_inner) }
            };
            let answer = self.patiently(read).await?;
            found.extend(answer.projects);
            if answer.next_page_token.is_empty() {
                return Ok(found);
            }
            token = answer.next_page_token;
        }
    }
}

/// True when the same call may get another answer later: the server is away, busy, or was killed while it answered. A server that is killed
/// breaks the connection, which has no code of its own; what the server itself says has a reason.
pub(crate) fn passes(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => true,
        Code::Aborted => !is_fatal(status),
        Code::Unknown | Code::Cancelled | Code::Internal => ErrorDetail::of(status).is_none(),
        _ => false,
    }
}

fn absent<T>(answer: Result<T, Status>) -> Result<Option<T>, Status> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(status) if matches!(status.code(), Code::NotFound | Code::FailedPrecondition) => Ok(None),
        Err(status) => Err(status),
    }
}

/// A refusal of the server as a sentence for people: what is wrong, and with which field.
pub(crate) fn sentence(status: &Status) -> String {
    if status.code() == Code::Unavailable {
        return "the server cannot be reached at the moment; try again in a minute".to_owned();
    }
    let detail = ErrorDetail::of(status);
    let violations = detail.map(|detail| detail.violations).unwrap_or_default();
    let fields: Vec<String> = violations
        .iter()
        .filter(|violation| !status.message().contains(&violation.description))
        .map(|violation| format!("`{}` {}", violation.field, violation.description))
        .collect();
    let message = status.message();
    if fields.is_empty() { message.to_owned() } else { format!("{message}\n{}", fields.join("\n")) }
}

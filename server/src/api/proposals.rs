//! TaskService.ProposeTask: what agents may create with their own key.

use aq_core::runtime::RuntimeSet;
use aq_core::task::{DEFAULT_MAX_RETRIES, DEFAULT_PRIORITY, OwnLimits, TaskOrigin};
use aq_proto::v1 as pb;
use tonic::Request;

use super::incoming::optional_project;
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use crate::commands::create::NewTask;
use crate::commands::{Context, propose};
use crate::lifecycle::Tx;

/// Most dependencies of a proposal.
const MAX_AFTER: usize = 50;
/// Longest description of a proposal, in bytes.
const MAX_DESCRIPTION: usize = 64 * 1024;

/// The task as proposed; its project is found out by the command.
fn new_task(body: &pb::ProposeTaskRequest) -> Result<NewTask, ApiError> {
    if body.after.len() > MAX_AFTER {
        return Err(ApiError::invalid("after", format!("has {} entries; at most {MAX_AFTER} are allowed", body.after.len())));
    }
    if body.description.len() > MAX_DESCRIPTION {
        return Err(ApiError::invalid("description", format!("is longer than {MAX_DESCRIPTION} bytes")));
    }
    Ok(NewTask {
        key: String::new(),
        project: aq_core::ids::ProjectId::from_trusted(""),
        title: body.title.clone(),
        description: body.description.clone(),
        // A proposal never comes before the work that people asked for.
        priority: body.priority.unwrap_or(DEFAULT_PRIORITY).max(DEFAULT_PRIORITY),
        task_type: None,
        after: body.after.clone(),
        runtime: None,
        fallback: RuntimeSet::EMPTY,
        filler: false,
        verification: None,
        plan_approval: None,
        model: None,
        preferred_agent: None,
        attachments: Vec::new(),
        test_commands: Vec::new(),
        requires_approval: false,
        max_retries: DEFAULT_MAX_RETRIES,
        budget_tokens: None,
        limits: OwnLimits::default(),
        is_plan_subtask: false,
        parent: None,
        origin: TaskOrigin::Agent,
    })
}

impl Tasks {
    pub(super) async fn propose(&self, request: Request<pb::ProposeTaskRequest>) -> Reply<pb::ProposeTaskResponse> {
        let call = self.0.cleansed(self.0.admit(request)?).await?;
        let (new, project) = (new_task(&call.body)?, optional_project("project_id", &call.body.project_id)?);
        let propose = move |tx: &mut Tx<'_>, context: &Context| {
            let made = propose::propose(tx, context, project.as_ref(), &new)?;
            let waits = propose::is_proposal(&made);
            Ok(pb::ProposeTaskResponse { task_id: made.task.id.to_string(), waits_for_approval: waits }.into())
        };
        self.0.mutate(&call.context, &call.body, propose).await
    }
}

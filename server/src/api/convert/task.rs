//! Tasks.

use aq_core::output::TokenUsage;
use aq_core::project::PlanApproval;
use aq_core::task::{Attachment, AttachmentKind, UNTIL_ANSWERED};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::words::{block_reason, limit, plan_approval, runtime, task_status, task_type, timestamp, verification};
use crate::events::wire;
use crate::store::TaskRecord;
use crate::store::dependencies::TaskLink;

/// What is shown with a task and stored elsewhere.
#[derive(Clone, Debug, Default)]
pub(in crate::api) struct TaskExtra {
    pub(in crate::api) waiting_for: String,
    pub(in crate::api) result_summary: String,
    pub(in crate::api) subtasks: (u32, u32),
    pub(in crate::api) tokens: TokenUsage,
    pub(in crate::api) cost_micros: u64,
    pub(in crate::api) created_by: String,
    pub(in crate::api) started_at: Option<Timestamp>,
    pub(in crate::api) finished_at: Option<Timestamp>,
    pub(in crate::api) question: Option<pb::Question>,
    pub(in crate::api) plan_approval: Option<PlanApproval>,
}

fn attached(record: &TaskRecord, kind: AttachmentKind) -> impl Iterator<Item = &Attachment> {
    record.task.attachments.iter().filter(move |attachment| attachment.kind == kind)
}

/// A task with what belongs to it.
pub(in crate::api) fn task(record: &TaskRecord, extra: TaskExtra) -> pb::Task {
    let task = &record.task;
    pb::Task {
        id: task.id.to_string(),
        project_id: task.project.to_string(),
        title: task.title.clone(),
        description: task.description.clone(),
        status: task_status(task.status),
        priority: task.priority,
        r#type: task_type(task.task_type),
        runtime: runtime(task.runtime),
        required_agent_id: task.preferred_agent.as_ref().map(ToString::to_string).unwrap_or_default(),
        model: task.model.clone().unwrap_or_default(),
        context: attached(record, AttachmentKind::Context)
            .map(|a| pb::TaskContext { r#type: "text".to_owned(), label: a.label.clone(), content: a.content.clone() })
            .collect(),
        criteria: attached(record, AttachmentKind::Criterion)
            .map(|a| pb::TaskCriterion { r#type: a.label.clone(), content: a.content.clone() })
            .collect(),
        tools: attached(record, AttachmentKind::Tool)
            .map(|a| pb::TaskTool { r#type: a.label.clone(), config: a.content.clone() })
            .collect(),
        test_commands: task.test_commands.clone(),
        requires_approval: task.requires_approval,
        max_retries: task.max_retries,
        token_budget: task.budget_tokens,
        retry_count: task.retry_count,
        last_run_number: task.run_number,
        agent_id: task.assigned_agent.as_ref().map(ToString::to_string).unwrap_or_default(),
        parent_task_id: task.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
        plan_source: task.plan_source.clone().unwrap_or_default(),
        branch: task.branch.clone().unwrap_or_default(),
        pull_request_url: task.pr_url.clone().unwrap_or_default(),
        // A task that waits for an answer has no instant to show.
        resume_at: task.resume_after.filter(|at| *at != UNTIL_ANSWERED).map(timestamp),
        block_reason: block_reason(task.blocked_reason),
        waiting_for: extra.waiting_for,
        result_summary: extra.result_summary,
        unmet_dependencies: record.unmet,
        subtask_count: extra.subtasks.1,
        subtask_completed_count: extra.subtasks.0,
        usage: Some(wire::tokens(extra.tokens)),
        cost_micros: extra.cost_micros,
        created_by: extra.created_by,
        created_at: Some(timestamp(task.created_at)),
        updated_at: Some(timestamp(task.updated_at)),
        started_at: extra.started_at.map(timestamp),
        finished_at: extra.finished_at.map(timestamp),
        question: extra.question,
        archived: task.is_archived(),
        time_limit: limit(task.limits.time_ms),
        silence_limit: limit(task.limits.silence_ms),
        verification: verification(task.verification),
        fallback: task.fallback.iter().map(|kind| runtime(Some(kind))).collect(),
        filler: task.filler,
        plan_approval: plan_approval(extra.plan_approval),
        under_review: task.review.is_some(),
    }
}

/// A task in a list of relations.
pub(in crate::api) fn task_ref(record: &TaskRecord) -> pb::TaskRef {
    pb::TaskRef { id: record.task.id.to_string(), title: record.task.title.clone(), status: task_status(record.task.status) }
}

/// The other end of an edge.
pub(in crate::api) fn link(link: &TaskLink) -> pb::TaskRef {
    pb::TaskRef { id: link.id.to_string(), title: link.title.clone(), status: task_status(link.status) }
}

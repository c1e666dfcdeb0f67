//! What a verb does, through the server, for a person.

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use tonic::Status;

use crate::custom_id::Verb;
use crate::text::{inline, plural};
use crate::trust::Role;

/// What somebody needs to be for a verb.
pub(super) const fn needed(verb: Verb) -> Role {
    match verb {
        Verb::Error | Verb::Details | Verb::Explain | Verb::Diff | Verb::PlanShow => Role::Viewer,
        _ => Role::Operator,
    }
}

/// Does it and says what was done. Verbs that only show something or open a form are not for here.
pub(crate) async fn perform(server: &Connection, verb: Verb, id: &str, text: &str, request_id: String) -> Result<String, Status> {
    let task_id = id.to_owned();
    let name = inline(id);
    let mut tasks = server.tasks();
    Ok(match verb {
        Verb::Restart => {
            tasks.restart_task(pb::RestartTaskRequest { task_id, request_id, ..Default::default() }).await?;
            format!("🔄 {name} starts over.")
        }
        Verb::ReopenForm => {
            tasks.restart_task(pb::RestartTaskRequest { task_id, request_id, feedback: text.to_owned() }).await?;
            format!("💬 {name} is open again, with what you said.")
        }
        Verb::Skip => {
            let answer = tasks.skip_task(pb::SkipTaskRequest { task_id, request_id }).await?.into_inner();
            let freed: Vec<String> = answer.unblocked.iter().map(|task| inline(&task.id)).collect();
            let freed = if freed.is_empty() { String::new() } else { format!(" Now these can start: {}.", freed.join(", ")) };
            format!("⏭️ {name} counts as done.{freed}")
        }
        Verb::Approve => {
            tasks.approve_task(pb::ApproveTaskRequest { task_id, request_id }).await?;
            format!("✅ {name} is approved.")
        }
        Verb::RejectForm => {
            tasks.reject_task(pb::RejectTaskRequest { task_id, request_id, reason: text.to_owned() }).await?;
            format!("✖️ {name} is rejected; its branch is kept.")
        }
        Verb::StopSure => {
            tasks.stop_task(pb::StopTaskRequest { task_id, request_id, reason: "stopped in Discord".to_owned() }).await?;
            format!("🛑 {name} is being stopped; its work is saved.")
        }
        Verb::DeleteSure => {
            let title = tasks.delete_task(pb::DeleteTaskRequest { task_id, request_id }).await?.into_inner().title;
            format!("🗑️ {name} is deleted: {}", crate::text::one_line(&title))
        }
        Verb::Repair => {
            let made = tasks.create_repair_task(pb::CreateRepairTaskRequest { task_id, request_id }).await?.into_inner();
            format!("🛠️ {} resolves the conflict of {name}.", inline(&made.id))
        }
        Verb::ReplyForm => {
            let answer = Some(pb::answer_question_request::Answer::Text(text.to_owned()));
            tasks.answer_question(pb::AnswerQuestionRequest { task_id, answer, request_id, ..Default::default() }).await?;
            format!("💬 Reply sent for task {name}; it goes on.")
        }
        Verb::PlanApprove => {
            let answer = server.plans().approve_plan(pb::ApprovePlanRequest { plan_id: task_id, request_id }).await?.into_inner();
            format!("✅ The plan is approved: {}.", plural(answer.tasks.len() as u64, "task"))
        }
        Verb::PlanRejectForm => {
            server.plans().reject_plan(pb::RejectPlanRequest { plan_id: task_id, feedback: text.to_owned(), request_id }).await?;
            if text.is_empty() {
                "✖️ The plan is put away.".to_owned()
            } else {
                "✖️ The plan goes back with what you said.".to_owned()
            }
        }
        _ => return Err(Status::internal("this is not something that is done")),
    })
}

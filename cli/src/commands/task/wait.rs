//! `aqctl task wait`, and the waiting of `task add --wait` (commands R13).

use aq_proto::client::Connection;
use aq_proto::resume::watch_events;
use aq_proto::v1::watch_events_response::Event as Message;
use aq_proto::v1::{EventFilter, GetTaskRequest, GetTaskResponse, Task, TaskStatus, WatchEventsRequest};
use tonic::Code;

use crate::candidates;
use crate::commands::follow::following;
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::ids;
use crate::render;

/// Wait until a task is completed; ends with 7 when it is blocked, 8 when it waits for a person
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    until_done(context, &connection, &task_id).await
}

/// Waits until the task needs no more waiting, and shows it.
///
/// # Errors
/// Task failed, needs a human, timeout, interrupted; not found when it is deleted meanwhile.
pub(super) async fn until_done(context: &Context, connection: &Connection, task_id: &str) -> Result<(), CliError> {
    let come_back = format!("aqctl task wait {task_id}");
    following(context, &come_back, wait(context, connection, task_id)).await
}

async fn wait(context: &Context, connection: &Connection, task_id: &str) -> Result<(), CliError> {
    let filter = EventFilter { task_ids: vec![task_id.to_owned()], ..Default::default() };
    let request = WatchEventsRequest { after_seq: None, filter: Some(filter), follow: true, consumer: String::new() };
    let mut messages = watch_events(connection.events(), request, context.resume_options());
    while let Some(message) = messages.next().await {
        // Every message is a reason to look: the set-up of the stream, an event, a gap. What it says is not relied on.
        if matches!(message?.event, Some(Message::End(_)) | None) {
            break;
        }
        match connection.tasks().get_task(GetTaskRequest { task_id: task_id.to_owned() }).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                if let Some(verdict) = answer.task.as_ref().and_then(judge) {
                    context.ui.show(&answer, |look, answer: &GetTaskResponse| render::task_detail::show(look, answer))?;
                    return verdict;
                }
            }
            // The stream comes back when the server does, and then it is looked again.
            Err(status) if status.code() == Code::Unavailable => {}
            Err(status) => return Err(status.into()),
        }
    }
    Err(CliError::new(Kind::Unavailable, format!("the server ended the stream before {task_id} was done")))
}

/// What a task's status means for who waits for it; `None` while there is something to wait for.
fn judge(task: &Task) -> Option<Result<(), CliError>> {
    let says = |kind, hint: String| {
        let error = CliError::new(kind, format!("{} is {}: {}", task.id, render::task::status(task), task.waiting_for));
        Some(Err(if hint.is_empty() { error } else { error.hint(hint) }))
    };
    match TaskStatus::try_from(task.status) {
        Ok(TaskStatus::Completed) => Some(Ok(())),
        Ok(TaskStatus::Blocked) => says(Kind::TaskFailed, render::task_detail::remedy(&task.id, task.block_reason)),
        Ok(TaskStatus::WaitingInput) => {
            let hint = task.question.as_ref().map(|question| render::question::command(&task.id, question));
            says(Kind::NeedsHuman, hint.unwrap_or_else(|| "see: aqctl questions".to_owned()))
        }
        Ok(TaskStatus::AwaitingApproval) => {
            says(Kind::NeedsHuman, format!("aqctl task approve {0}  (or: aqctl task reject {0} REASON)", task.id))
        }
        // A failed task is tried again by itself.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// commands R13: which status ends the waiting, and how.
    #[test]
    fn the_status_decides_how_waiting_ends() {
        let kind =
            |status: TaskStatus| judge(&Task { status: status.into(), ..Default::default() }).map(|verdict| verdict.err().map(|e| e.kind));
        assert_eq!(kind(TaskStatus::Completed), Some(None));
        assert_eq!(kind(TaskStatus::Blocked), Some(Some(Kind::TaskFailed)));
        assert_eq!(kind(TaskStatus::WaitingInput), Some(Some(Kind::NeedsHuman)));
        assert_eq!(kind(TaskStatus::AwaitingApproval), Some(Some(Kind::NeedsHuman)));
        for status in [TaskStatus::Defined, TaskStatus::Ready, TaskStatus::InProgress, TaskStatus::Paused, TaskStatus::Failed] {
            assert_eq!(kind(status), None, "{status:?}");
        }
    }
}

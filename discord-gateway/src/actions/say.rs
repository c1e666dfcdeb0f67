//! Words in the thread of a run: to its agent while it works, an answer while it asks, feedback when it is over.

use aq_proto::v1 as pb;
use pb::TaskStatus;
use pb::answer_question_request::Answer;
use tonic::Status;

use crate::backend::sentence;
use crate::bridge::Bridge;
use crate::discord::Written;
use crate::message::Message;
use crate::outbound::Known;
use crate::render::refusal;
use crate::trust::Role;

/// What became of the words.
enum Went {
    /// The agent reads them between two steps: this names them.
    Queued(String),
    /// They answered its question.
    Answered,
    /// The task is open again.
    Reopened,
    /// There is nobody to read them.
    Nobody(&'static str),
}

/// Passes on what somebody wrote in the thread of a run.
pub(crate) async fn say(bridge: &Bridge, written: &Written, task: &str, role: Role) {
    let (channel, message) = (written.place.channel, written.id);
    if role < Role::Operator {
        bridge.out.react(channel, message, "🔒", None).await;
        return;
    }
    let mut text = written.content.trim().to_owned();
    for (name, url) in &written.files {
        text.extend([format!("\n[{name}]({url})")]);
    }
    if text.trim().is_empty() {
        return;
    }
    match pass(bridge, written, task, role, text.trim()).await {
        Ok(Went::Queued(id)) => {
            let kept = bridge.server.keep_one(format!("say:{task}:{id}"), format!("{channel} {message}")).await;
            if let Err(status) = kept {
                tracing::warn!(task, error = status.message(), "a message was not noted");
            }
            bridge.out.react(channel, message, "📨", None).await;
        }
        Ok(Went::Answered) => bridge.out.react(channel, message, "✅", None).await,
        Ok(Went::Reopened) => bridge.out.react(channel, message, "🔄", None).await,
        Ok(Went::Nobody(why)) => reply(bridge, channel, message, &Message::text(format!("-# {why}"))).await,
        Err(status) => reply(bridge, channel, message, &refusal(&sentence(&status))).await,
    }
}

async fn reply(bridge: &Bridge, channel: u64, to: u64, message: &Message) {
    let message = message.clone().replying(Some(to));
    let name = format!("reply to {to}");
    if let Err(error) = bridge.out.post(channel, &message, Known::Behind(to, &name), false).await {
        tracing::debug!(%error, "a reply could not be posted");
    }
}

async fn pass(bridge: &Bridge, written: &Written, task: &str, role: Role, text: &str) -> Result<Went, Status> {
    let server = bridge.server.person(&written.author, role)?;
    let request_id = format!("discord-{}", written.id);
    let found = server.tasks().get_task(pb::GetTaskRequest { task_id: task.to_owned() }).await?.into_inner();
    let status = found.task.map_or(TaskStatus::Unspecified, |task| task.status());
    let task_id = task.to_owned();
    match status {
        TaskStatus::WaitingInput => {
            bridge.answered(task, text);
            let answer = Some(Answer::Text(text.to_owned()));
            server.tasks().answer_question(pb::AnswerQuestionRequest { task_id, answer, request_id, ..Default::default() }).await?;
            Ok(Went::Answered)
        }
        TaskStatus::Assigned | TaskStatus::InProgress | TaskStatus::Verifying => {
            let sent = server.tasks().send_message(pb::SendMessageRequest { task_id, text: text.to_owned(), request_id }).await?;
            Ok(Went::Queued(sent.into_inner().message_id))
        }
        TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Blocked | TaskStatus::AwaitingApproval => {
            server.tasks().restart_task(pb::RestartTaskRequest { task_id, feedback: text.to_owned(), request_id }).await?;
            Ok(Went::Reopened)
        }
        TaskStatus::Ready | TaskStatus::Defined => {
            Ok(Went::Nobody("It waits for its turn; nobody reads here yet. `/task edit` changes what it is about."))
        }
        TaskStatus::Paused => Ok(Went::Nobody("It is paused and goes on by itself; write again when it works.")),
        TaskStatus::Unspecified => Ok(Went::Nobody("This task is gone.")),
    }
}

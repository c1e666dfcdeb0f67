//! Answers to questions by a click: yes, no, one of the answers offered.

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use pb::answer_question_request::{Allow, Answer, Deny};
use tonic::Status;

use crate::bridge::Bridge;
use crate::custom_id::{Action, fingerprint};
use crate::text::one_line;

/// Gives the answer that a click means. `chosen` is what was chosen in a select.
pub(super) async fn answer(
    bridge: &Bridge,
    server: &Connection,
    action: &Action,
    chosen: Option<&str>,
    request_id: String,
) -> Result<String, Status> {
    let (Action::Allow { task, question: name, .. } | Action::Deny { task, question: name } | Action::Option { task, question: name, .. }) =
        action
    else {
        return Err(Status::internal("this is no answer"));
    };
    let gone = || Status::failed_precondition("this question no longer waits: it was answered, or nobody answered in time");
    let found = bridge.server.task(task).await?.and_then(|found| found.task).ok_or_else(gone)?;
    let waiting = bridge.server.questions(&found.project_id).await?;
    let asked = waiting.into_iter().filter(|pending| pending.task_id == *task).filter_map(|pending| pending.question);
    let asked = asked.into_iter().find(|question| fingerprint(&question.question_id) == *name).ok_or_else(gone)?;
    // What is given, what the thread shows of it, and what the person is told.
    let (given, shown, said) = match action {
        Action::Allow { always, .. } => {
            let remember = if *always { pb::PermissionScope::Task } else { pb::PermissionScope::Unspecified };
            let shown = if *always { "Allowed for this task." } else { "Allowed." };
            (Answer::Allow(Allow { remember: remember.into() }), shown.to_owned(), format!("✅ {shown}"))
        }
        Action::Deny { .. } => (Answer::Deny(Deny { message: String::new() }), "Denied.".to_owned(), "✖️ Denied.".to_owned()),
        Action::Option { index, .. } => {
            let label = match (index, chosen) {
                (Some(index), _) => asked.options.get(usize::from(*index)).map(|option| option.label.clone()),
                // Long labels are cut on their way through Discord.
                (None, Some(value)) => {
                    asked.options.iter().find(|option| crate::text::cut(&option.label, 100) == value).map(|option| option.label.clone())
                }
                (None, None) => None,
            };
            let label = label.ok_or_else(|| Status::failed_precondition("this answer is not offered any more"))?;
            let said = format!("💬 Answered: {}", one_line(&label));
            (Answer::Text(label.clone()), label, said)
        }
        _ => return Err(Status::internal("this is no answer")),
    };
    let request = pb::AnswerQuestionRequest { task_id: task.clone(), question_id: asked.question_id, answer: Some(given), request_id };
    // Before it is given: the server may tell of it at once.
    bridge.answered(task, &shown);
    server.tasks().answer_question(request).await?;
    Ok(said)
}

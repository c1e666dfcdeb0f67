//! `aqctl say`: tell a working agent something.

use aq_proto::v1::{AgentMessage, ListMessagesRequest, MessageState, SendMessageRequest};

use super::values::long_text;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Tell the running agent of a task something
///
/// The message is kept until an agent has read it: between two steps of its work, or at the start of the next run.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("message").required(true).args(["text", "file"]))]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
    /// The message; `-` reads standard input
    text: Option<String>,
    /// Read the message from a file
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<String>,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let text = long_text(&context.ui, args.text.as_deref(), args.file.as_deref())?.unwrap_or_default();
    if text.trim().is_empty() {
        return Err(CliError::usage("the message is empty"));
    }
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = SendMessageRequest { task_id: task_id.clone(), text, request_id: request_id() };
    let answer = connection.tasks().send_message(request).await?.into_inner();
    let known = connection.tasks().list_messages(ListMessagesRequest { task_id: task_id.clone() }).await?.into_inner();
    let sent = known.messages.iter().find(|message| message.message_id == answer.message_id);
    let state = sent.map_or(MessageState::Queued, AgentMessage::state);
    context.ui.done(&answer, None, format!("{} for {task_id}/{}", render::message::state(state), answer.run_number))
}

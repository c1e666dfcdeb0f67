//! `aqctl task send`.

use aq_proto::v1::SendMessageRequest;

use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Tell the running agent of a task something
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

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let text = long_text(&context.ui, args.text.as_deref(), args.file.as_deref())?.unwrap_or_default();
    if text.trim().is_empty() {
        return Err(CliError::usage("the message is empty"));
    }
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = SendMessageRequest { task_id: task_id.clone(), text, request_id: request_id() };
    let answer = connection.tasks().send_message(request).await?.into_inner();
    context.ui.done(&answer, None, format!("sent to {task_id}/{}", answer.run_number))
}

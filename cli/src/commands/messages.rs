//! `aqctl messages`: what people told the agents of a task.

use aq_proto::v1::ListMessagesRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List what was said to the agents of a task, and whether they have read it
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let answer = connection.tasks().list_messages(ListMessagesRequest { task_id: task_id.clone() }).await?.into_inner();
    context.ui.show(&answer, render::message::list)?;
    if answer.messages.is_empty() {
        context.ui.talk(format!("nobody told the agents of {task_id} anything; aqctl say {task_id} TEXT"));
    }
    Ok(())
}

//! `aqctl task restart`.

use aq_proto::v1::RestartTaskRequest;

use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Start a task over that does not run, with fresh retries, and with feedback when given
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
    /// What the agent should do differently; `-` reads standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    feedback: Option<String>,
    /// Read the feedback from a file
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let feedback = long_text(&context.ui, args.feedback.as_deref(), args.file.as_deref())?.unwrap_or_default();
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = RestartTaskRequest { task_id, feedback, request_id: request_id() };
    let task = connection.tasks().restart_task(request).await?.into_inner();
    context.ui.done(&task, None, format!("{} is {}", task.id, render::task::status(&task)))
}

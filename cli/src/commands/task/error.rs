//! `aqctl task error`.

use aq_proto::v1::GetTaskErrorRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show why a task failed last, and what helps
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let error = connection.tasks().get_task_error(GetTaskErrorRequest { task_id }).await?.into_inner();
    context.ui.show(&error, render::outcome::error)
}

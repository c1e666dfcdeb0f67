//! `aqctl task show` (F-158).

use aq_proto::v1::GetTaskRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show one task with its relations, its runs and its question
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let answer = connection.tasks().get_task(GetTaskRequest { task_id }).await?.into_inner();
    context.ui.show(&answer, render::task_detail::show)
}

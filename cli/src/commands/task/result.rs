//! `aqctl task result`.

use aq_proto::v1::GetTaskResultRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show what came out of a task: its newest result
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let result = connection.tasks().get_task_result(GetTaskResultRequest { task_id }).await?.into_inner();
    context.ui.show(&result, render::outcome::result)
}

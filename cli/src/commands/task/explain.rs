//! `aqctl task explain`.

use aq_proto::v1::ExplainTaskRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Say why a task is not done yet, and what would change that
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let answer = connection.tasks().explain_task(ExplainTaskRequest { task_id }).await?.into_inner();
    context.ui.show(&answer, render::task_detail::explain)
}

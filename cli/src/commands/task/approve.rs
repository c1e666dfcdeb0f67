//! `aqctl task approve`.

use aq_proto::v1::ApproveTaskRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Accept work that awaits approval, or land again what could not be landed
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let task = connection.tasks().approve_task(ApproveTaskRequest { task_id, request_id: request_id() }).await?.into_inner();
    context.ui.done(&task, None, format!("approved; {} is {}", task.id, render::task::status(&task)))
}

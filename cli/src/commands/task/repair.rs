//! `aqctl task repair`.

use aq_proto::v1::CreateRepairTaskRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Let a new task resolve the merge conflict that blocks a task, on its kept branch
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The blocked task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = CreateRepairTaskRequest { task_id, request_id: request_id() };
    let made = connection.tasks().create_repair_task(request).await?.into_inner();
    context.ui.done(&made, Some(&made.id), format!("{} resolves the conflict on {}", made.id, made.branch))
}

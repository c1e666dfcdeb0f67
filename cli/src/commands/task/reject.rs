//! `aqctl task reject`.

use aq_proto::v1::RejectTaskRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Reject the work of a task that awaits approval; its branch is kept
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
    /// Why; shown to people and to the agent of a restart
    reason: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = RejectTaskRequest { task_id, reason: args.reason, request_id: request_id() };
    let task = connection.tasks().reject_task(request).await?.into_inner();
    context.ui.done(&task, None, format!("rejected; let it be done again with: aqctl task restart {}", task.id))
}

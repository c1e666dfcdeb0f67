//! `aqctl task stop`.

use aq_proto::v1::StopTaskRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Stop the run of a task; its work is saved, the task waits for a restart
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = StopTaskRequest { task_id, reason: args.reason, request_id: request_id() };
    let task = connection.tasks().stop_task(request).await?.into_inner();
    context.ui.done(&task, None, format!("{0} is {1}; start it over with: aqctl task restart {0}", task.id, render::task::status(&task)))
}

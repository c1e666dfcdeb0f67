//! `aqctl task delete`.

use aq_proto::v1::DeleteTaskRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Delete a task and its records; a live run is stopped and its work saved first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    context.ui.confirm(&format!("Delete task {task_id} and its records?"))?;
    let request = DeleteTaskRequest { task_id: task_id.clone(), request_id: request_id() };
    let answer = connection.tasks().delete_task(request).await?.into_inner();
    context.ui.done(&answer, None, format!("{task_id} deleted: {}", answer.title))
}

//! `aqctl archive restore` (F-164).

use aq_proto::v1::RestoreTaskRequest;

use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Bring an archived task back under its id; it runs anew with fresh retries
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The archived task
    task: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::archived_task(&connection, &args.task).await?;
    let request = RestoreTaskRequest { task_id, request_id: request_id() };
    let task = connection.tasks().restore_task(request).await?.into_inner();
    context.ui.done(&task, None, format!("{} is back: {}", task.id, render::task::status(&task)))
}

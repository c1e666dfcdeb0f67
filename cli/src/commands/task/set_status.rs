//! `aqctl task set-status`.

use aq_proto::v1::{SetTaskStatusRequest, TaskStatus};

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;
use crate::words;

/// Set the status of a task by force; only moves that a person may make are accepted
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
    /// The status it shall have: ready, completed, blocked or defined
    #[arg(value_parser = words::parser::<TaskStatus>(), ignore_case = true)]
    status: TaskStatus,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", required = true)]
    reason: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = SetTaskStatusRequest { task_id, status: args.status.into(), reason: args.reason, request_id: request_id() };
    let task = connection.tasks().set_task_status(request).await?.into_inner();
    context.ui.done(&task, None, format!("{} is {}", task.id, render::task::status(&task)))
}

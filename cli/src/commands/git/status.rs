//! `aqctl git status`.

use aq_proto::v1::GetGitStatusRequest;

use super::place::Place;
use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show how the repository of a project stands
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// Also the directory of this task
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    task: Option<String>,
    /// Fetch first
    #[arg(long)]
    fetch: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let task_id = match &args.task {
        Some(typed) => ids::task(&connection, typed).await?,
        None => String::new(),
    };
    let request = GetGitStatusRequest { project_id, task_id, workspace_id, fetch: args.fetch };
    let status = connection.git().get_git_status(request).await?.into_inner();
    context.ui.show(&status, render::git::status)
}

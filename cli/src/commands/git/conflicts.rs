//! `aqctl git conflicts`.

use aq_proto::v1::CheckConflictsRequest;

use super::place::Place;
use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show which branches would conflict with the default branch
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// Only this branch [default: those of all tasks that are not over]
    #[arg(value_name = "BRANCH")]
    branch: Option<String>,
    /// Only the branch of this task
    #[arg(long, value_name = "TASK", conflicts_with = "branch", add = candidates::tasks())]
    task: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let task_id = match &args.task {
        Some(typed) => ids::task(&connection, typed).await?,
        None => String::new(),
    };
    let request = CheckConflictsRequest { project_id, task_id, branch: args.branch.unwrap_or_default(), workspace_id };
    let answer = connection.git().check_conflicts(request).await?.into_inner();
    context.ui.show(&answer, render::git::forecasts)?;
    if answer.forecasts.is_empty() {
        context.ui.talk("no task of the project has a branch");
    }
    Ok(())
}

//! `aqctl git merge`.

use aq_proto::v1::MergeBranchRequest;

use super::place::{Place, warn};
use crate::context::{Context, request_id};
use crate::error::{CliError, Kind};

/// Merge a branch into the default branch of a project
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// The branch
    #[arg(value_name = "BRANCH")]
    branch: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let request = MergeBranchRequest { project_id, workspace_id, branch: args.branch, request_id: request_id() };
    let answer = connection.git().merge_branch(request).await?.into_inner();
    warn(&context.ui, &answer.warnings);
    let talk = if answer.commit.is_empty() { "there was nothing to merge".to_owned() } else { format!("merged: {}", answer.commit) };
    if answer.conflicts.is_empty() {
        return context.ui.done(&answer, Some(&answer.commit), talk);
    }
    context.ui.show(&answer, |_, _| String::new())?;
    let error = CliError::new(Kind::Conflict, format!("not merged: conflicts in {}", answer.conflicts.join(", ")));
    Err(error.hint("merge it in a checkout of yours, or let a task do it"))
}

//! `aqctl git push`.

use aq_proto::v1::PushBranchRequest;

use super::place::{Place, warn};
use crate::context::{Context, request_id};
use crate::error::CliError;

/// Push a branch: a task's only over what was pushed for it, any other only forward
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
    let request = PushBranchRequest { project_id, workspace_id, branch: args.branch, request_id: request_id() };
    let answer = connection.git().push_branch(request).await?.into_inner();
    warn(&context.ui, &answer.warnings);
    context.ui.done(&answer, Some(&answer.commit), format!("pushed {}", answer.commit))
}

//! `aqctl git checkout`.

use aq_proto::v1::SwitchBranchRequest;

use super::place::{Place, warn};
use crate::context::{Context, request_id};
use crate::error::CliError;

/// Check a branch out in your own checkout of a project
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
    let request = SwitchBranchRequest { project_id, workspace_id, branch: args.branch, request_id: request_id() };
    let answer = connection.git().switch_branch(request).await?.into_inner();
    warn(&context.ui, &answer.warnings);
    let checkout = answer.checkout.clone().unwrap_or_default();
    context.ui.done(&answer, None, format!("{} is on {}", checkout.directory, checkout.branch))
}

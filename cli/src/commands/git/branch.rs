//! `aqctl git branch`.

use aq_proto::v1::CreateBranchRequest;

use super::place::{Place, warn};
use crate::context::{Context, request_id};
use crate::error::CliError;

/// Make a branch in the repository
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// The name of the branch
    #[arg(value_name = "BRANCH")]
    branch: String,
    /// A branch or commit to begin at [default: the default branch]
    #[arg(long, value_name = "COMMIT")]
    from: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let from = args.from.unwrap_or_default();
    let request = CreateBranchRequest { project_id, workspace_id, branch: args.branch, from, request_id: request_id() };
    let made = connection.git().create_branch(request).await?.into_inner();
    warn(&context.ui, &made.warnings);
    context.ui.done(&made, Some(&made.commit), format!("branch {} is at {}", made.branch, made.commit))
}

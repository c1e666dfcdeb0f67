//! `aqctl git commit`.

use aq_proto::v1::CommitChangesRequest;

use super::place::{Place, warn};
use crate::context::{Context, request_id};
use crate::error::CliError;

/// Commit everything in your own checkout of a project
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// The message
    #[arg(short, long, value_name = "TEXT")]
    message: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let request = CommitChangesRequest { project_id, workspace_id, message: args.message, request_id: request_id() };
    let answer = connection.git().commit_changes(request).await?.into_inner();
    warn(&context.ui, &answer.warnings);
    let talk = if answer.commit.is_empty() { "nothing had changed".to_owned() } else { format!("committed {}", answer.commit) };
    context.ui.done(&answer, Some(&answer.commit), talk)
}

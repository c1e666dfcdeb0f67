//! `aqctl workspace remove`.

use aq_proto::v1::RemoveWorkspaceRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Remove a workspace from its project; refused while it is leased, your files stay
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The workspace
    #[arg(add = candidates::workspaces())]
    workspace: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let workspace_id = ids::workspace(&connection, &args.workspace).await?;
    context.ui.confirm(&format!("Remove workspace {workspace_id}?"))?;
    let request = RemoveWorkspaceRequest { workspace_id: workspace_id.clone(), request_id: request_id() };
    let answer = connection.workspaces().remove_workspace(request).await?.into_inner();
    context.ui.done(&answer, None, format!("workspace {workspace_id} removed"))
}

//! `aqctl workspace release`.

use aq_proto::v1::ReleaseWorkspaceRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Take a lease away whose run has ended; a live run is stopped with `aqctl task stop`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The workspace
    #[arg(add = candidates::workspaces())]
    workspace: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let workspace_id = ids::workspace(&connection, &args.workspace).await?;
    context.ui.confirm(&format!("Take the lease of workspace {workspace_id} away?"))?;
    let request = ReleaseWorkspaceRequest { workspace_id, request_id: request_id() };
    let workspace = connection.workspaces().release_workspace(request).await?.into_inner();
    context.ui.done(&workspace, None, format!("workspace {} is free", workspace.id))
}

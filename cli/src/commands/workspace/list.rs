//! `aqctl workspace list`.

use aq_proto::v1::ListWorkspacesRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List workspaces with their leases
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only workspaces of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ListWorkspacesRequest::default();
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.workspaces(), list_workspaces, request, workspaces);
    context.ui.show(&page, render::workspace::list)?;
    let empty = "no workspaces; add one with: aqctl workspace add PROJECT --link DIR";
    paging::note(&context.ui, page.workspaces.len(), page.total_size, &page.next_page_token, empty);
    Ok(())
}

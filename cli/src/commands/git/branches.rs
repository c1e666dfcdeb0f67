//! `aqctl git branches`.

use aq_proto::v1::ListBranchesRequest;

use super::place::Place;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// List branches: those of the repository, and those that are kept for tasks
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// Fetch first
    #[arg(long)]
    fetch: bool,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let request = ListBranchesRequest { project_id, workspace_id, fetch: args.fetch, ..Default::default() };
    let page = paging::pages!(args.paging, connection.git(), list_branches, request, branches);
    context.ui.show(&page, render::git::branches)?;
    paging::note(&context.ui, page.branches.len(), page.total_size, &page.next_page_token, "no branches");
    Ok(())
}

//! `aqctl archive list` (F-164).

use aq_proto::v1::ListArchivedTasksRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List archived tasks, last archived first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only tasks of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Only tasks whose id or title holds this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    search: String,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ListArchivedTasksRequest { query: args.search, ..Default::default() };
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.tasks(), list_archived_tasks, request, tasks, unreachable);
    context.ui.show(&page, render::archive::list)?;
    paging::unreachable(&context.ui, &page.unreachable);
    paging::note(&context.ui, page.tasks.len() + page.unreachable.len(), page.total_size, &page.next_page_token, "the archive is empty");
    Ok(())
}

//! `aqctl hook list`.

use aq_proto::v1::ListHooksRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List hooks
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only hooks of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ListHooksRequest::default();
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.hooks(), list_hooks, request, hooks);
    context.ui.show(&page, render::hook::list)?;
    paging::note(&context.ui, page.hooks.len(), page.total_size, &page.next_page_token, "no hooks; make one with: aqctl hook create");
    Ok(())
}

//! `aqctl hook runs`.

use aq_proto::v1::ListHookRunsRequest;

use crate::candidates;
use crate::commands::paging::Paging;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List the runs of a hook, newest first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook: its id, the beginning of it, or its name
    #[arg(add = candidates::hooks())]
    hook: String,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let hook_id = ids::hook(&connection, &args.hook).await?;
    let request = ListHookRunsRequest { hook_id, ..Default::default() };
    let page = crate::commands::paging::pages!(args.paging, connection.hooks(), list_hook_runs, request, runs);
    context.ui.show(&page, render::hook::runs)?;
    if page.runs.is_empty() {
        context.ui.talk("no runs; start one with: aqctl hook fire");
    }
    Ok(())
}

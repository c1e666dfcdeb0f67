//! `aqctl run list`.

use aq_proto::v1::ListRunsRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List runs, newest first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only runs of this task
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    task: Option<String>,
    /// Only runs of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Only runs of this agent
    #[arg(long, value_name = "AGENT", add = candidates::agents())]
    agent: Option<String>,
    /// Only runs that have not ended
    #[arg(long)]
    open: bool,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ListRunsRequest { open_only: args.open, ..Default::default() };
    if let Some(typed) = &args.task {
        request.task_id = ids::task(&connection, typed).await?;
    }
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    if let Some(typed) = &args.agent {
        request.agent_id = ids::agent(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.runs(), list_runs, request, runs, unreachable);
    context.ui.show(&page, render::run::list)?;
    paging::unreachable(&context.ui, &page.unreachable);
    paging::note(&context.ui, page.runs.len() + page.unreachable.len(), page.total_size, &page.next_page_token, "no runs");
    Ok(())
}

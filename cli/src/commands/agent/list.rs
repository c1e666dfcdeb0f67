//! `aqctl agent list`.

use aq_proto::v1::{AgentState, ListAgentsRequest, Runtime};

use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::render;
use crate::words;

/// List agents with what they do
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only agents of this runtime
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true)]
    runtime: Option<Runtime>,
    /// Only agents in this state
    #[arg(long, value_parser = words::parser::<AgentState>(), ignore_case = true)]
    state: Option<AgentState>,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (runtime, state) = (args.runtime.unwrap_or_default().into(), args.state.unwrap_or_default().into());
    let request = ListAgentsRequest { runtime, state, ..Default::default() };
    let page = paging::pages!(args.paging, connection.agents(), list_agents, request, agents);
    context.ui.show(&page, render::agent::list)?;
    let empty = "no agents; create one with: aqctl agent create --runtime claude";
    paging::note(&context.ui, page.agents.len(), page.total_size, &page.next_page_token, empty);
    Ok(())
}

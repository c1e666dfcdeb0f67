//! `aqctl agent show`.

use aq_proto::v1::GetAgentRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show one agent
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The agent
    #[arg(add = candidates::agents())]
    agent: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let agent_id = ids::agent(&connection, &args.agent).await?;
    let agent = connection.agents().get_agent(GetAgentRequest { agent_id }).await?.into_inner();
    context.ui.show(&agent, render::agent::show)
}

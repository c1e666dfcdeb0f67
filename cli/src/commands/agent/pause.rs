//! `aqctl agent pause`.

use aq_proto::v1::PauseAgentRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Let an agent take no new task; it finishes the one it works on
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The agent
    #[arg(add = candidates::agents())]
    agent: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let agent_id = ids::agent(&connection, &args.agent).await?;
    let request = PauseAgentRequest { agent_id, request_id: request_id() };
    let agent = connection.agents().pause_agent(request).await?.into_inner();
    context.ui.done(&agent, None, format!("agent {} takes no new task", agent.id))
}

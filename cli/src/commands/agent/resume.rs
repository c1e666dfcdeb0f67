//! `aqctl agent resume`.

use aq_proto::v1::ResumeAgentRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Let a paused or failed agent work again
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The agent
    #[arg(add = candidates::agents())]
    agent: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let agent_id = ids::agent(&connection, &args.agent).await?;
    let request = ResumeAgentRequest { agent_id, request_id: request_id() };
    let agent = connection.agents().resume_agent(request).await?.into_inner();
    context.ui.done(&agent, None, format!("agent {} takes tasks again", agent.id))
}

//! `aqctl agent delete`.

use aq_proto::v1::DeleteAgentRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Delete an agent; refused while it works, the records of its runs stay
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The agent
    #[arg(add = candidates::agents())]
    agent: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let agent_id = ids::agent(&connection, &args.agent).await?;
    context.ui.confirm(&format!("Delete agent {agent_id}?"))?;
    let request = DeleteAgentRequest { agent_id: agent_id.clone(), request_id: request_id() };
    let answer = connection.agents().delete_agent(request).await?.into_inner();
    context.ui.done(&answer, None, format!("agent {agent_id} deleted"))
}

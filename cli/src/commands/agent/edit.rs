//! `aqctl agent edit`.

use aq_proto::v1::{Agent, Runtime, UpdateAgentRequest};
use prost_types::FieldMask;

use super::profile::ProfileArgs;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::words;

/// Change an agent; only what is named changes, and a run that goes on keeps what it was started with
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The agent
    #[arg(add = candidates::agents())]
    agent: String,
    /// The name; the id stays
    #[arg(long)]
    name: Option<String>,
    /// The kind of program
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true)]
    runtime: Option<Runtime>,
    /// The account it draws from, or none
    #[arg(long, value_name = "ACCOUNT|none", add = candidates::accounts())]
    account: Option<String>,
    /// How the program is run.
    #[command(flatten)]
    profile: ProfileArgs,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let (profile, mut paths) = args.profile.read()?;
    let mut agent = Agent { profile: Some(profile), ..Default::default() };
    if let Some(name) = args.name {
        agent.name = name;
        paths.push("name");
    }
    if let Some(runtime) = args.runtime {
        agent.runtime = runtime.into();
        paths.push("runtime");
    }
    if args.account.is_some() {
        paths.push("account_id");
    }
    if paths.is_empty() {
        return Err(CliError::usage("nothing to change was named").hint("see: aqctl agent edit --help"));
    }
    let connection = context.connect().await?;
    agent.id = ids::agent(&connection, &args.agent).await?;
    if let Some(typed) = args.account.filter(|typed| typed != "none") {
        agent.account_id = ids::account(&connection, &typed).await?;
    }
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let request = UpdateAgentRequest { agent: Some(agent), update_mask, request_id: request_id() };
    let agent = connection.agents().update_agent(request).await?.into_inner();
    context.ui.done(&agent, None, format!("changed {} of agent {}", paths.join(", "), agent.id))
}

//! `aqctl agent create`.

use aq_proto::v1::{CreateAgentRequest, Runtime};

use super::profile::ProfileArgs;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::words;

/// Create an agent: a worker slot for one task at a time
///
/// Examples: `aqctl agent create --runtime claude`, `aqctl agent create lint --runtime command -- make lint`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The name [default: one is made up]
    #[arg(default_value = "")]
    name: String,
    /// The kind of program
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true, default_value = "claude")]
    runtime: Runtime,
    /// The account it draws from
    #[arg(long, value_name = "ACCOUNT", add = candidates::accounts())]
    account: Option<String>,
    /// How the program is run.
    #[command(flatten)]
    profile: ProfileArgs,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let (profile, _) = args.profile.read()?;
    let connection = context.connect().await?;
    let account_id = match &args.account {
        Some(typed) => ids::account(&connection, typed).await?,
        None => String::new(),
    };
    let request =
        CreateAgentRequest { name: args.name, runtime: args.runtime.into(), profile: Some(profile), account_id, request_id: request_id() };
    let agent = connection.agents().create_agent(request).await?.into_inner();
    context.ui.done(&agent, Some(&agent.id), format!("agent {} takes tasks", agent.id))
}

//! `aqctl account create`.

use aq_proto::v1::{CreateAccountRequest, Runtime};

use super::login::{LoginArgs, spans};
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::words;

/// Create an account: a plan or a provider key that agents draw from
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The name; the id is made from it
    name: String,
    /// The runtime whose login it is
    #[arg(long, value_parser = words::parser::<Runtime>(), ignore_case = true, default_value = "claude")]
    runtime: Runtime,
    /// The login.
    #[command(flatten)]
    login: LoginArgs,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let login_dir = args.login.absolute_dir()?.unwrap_or_default();
    let provider_key = args.login.provider_key()?.unwrap_or_default();
    let connection = context.connect().await?;
    let request = CreateAccountRequest {
        name: args.name,
        runtime: args.runtime.into(),
        login_dir,
        key_variable: args.login.key_variable.unwrap_or_default(),
        provider_key,
        max_concurrent_runs: args.login.max_runs.unwrap_or_default(),
        stop_at_used: args.login.stop_at,
        reserve: args.login.reserve,
        reserve_hours: spans(&args.login.reserve_hours, "always"),
        quiet_hours: spans(&args.login.quiet_hours, "never"),
        time_zone: args.login.time_zone.unwrap_or_default(),
        request_id: request_id(),
    };
    let account = connection.accounts().create_account(request).await?.into_inner();
    context.ui.done(&account, Some(&account.id), format!("account {0} created; use it with: aqctl agent create --account {0}", account.id))
}

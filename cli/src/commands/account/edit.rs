//! `aqctl account edit`.

use aq_proto::v1::{Account, UpdateAccountRequest};
use prost_types::FieldMask;

use super::login::{LoginArgs, spans};
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Change an account; only what is named changes
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The account
    #[arg(add = candidates::accounts())]
    account: String,
    /// The name; the id stays
    #[arg(long)]
    name: Option<String>,
    /// The login.
    #[command(flatten)]
    login: LoginArgs,
    /// `true`: start nothing on it until it is `false` again
    #[arg(long, value_name = "BOOL")]
    paused: Option<bool>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let mut account = Account::default();
    let mut paths = Vec::new();
    if let Some(name) = args.name {
        account.name = name;
        paths.push("name");
    }
    if let Some(dir) = args.login.absolute_dir()? {
        account.login_dir = dir;
        paths.push("login_dir");
    }
    if let Some(key) = args.login.provider_key()? {
        account.provider_key = key;
        paths.push("provider_key");
    }
    if let Some(variable) = args.login.key_variable {
        account.key_variable = variable;
        paths.push("key_variable");
    }
    if let Some(most) = args.login.max_runs {
        account.max_concurrent_runs = most;
        paths.push("max_concurrent_runs");
    }
    if let Some(part) = args.login.stop_at {
        account.stop_at_used = Some(part);
        paths.push("stop_at_used");
    }
    if let Some(part) = args.login.reserve {
        account.reserve = Some(part);
        paths.push("reserve");
    }
    if !args.login.reserve_hours.is_empty() {
        account.reserve_hours = spans(&args.login.reserve_hours, "always");
        paths.push("reserve_hours");
    }
    if !args.login.quiet_hours.is_empty() {
        account.quiet_hours = spans(&args.login.quiet_hours, "never");
        paths.push("quiet_hours");
    }
    if let Some(zone) = args.login.time_zone {
        account.time_zone = zone;
        paths.push("time_zone");
    }
    if let Some(paused) = args.paused {
        account.paused = paused;
        paths.push("paused");
    }
    if paths.is_empty() {
        return Err(CliError::usage("nothing to change was named").hint("see: aqctl account edit --help"));
    }
    let connection = context.connect().await?;
    account.id = ids::account(&connection, &args.account).await?;
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let request = UpdateAccountRequest { account: Some(account), update_mask, request_id: request_id() };
    let account = connection.accounts().update_account(request).await?.into_inner();
    context.ui.done(&account, None, format!("changed {} of account {}", paths.join(", "), account.id))
}

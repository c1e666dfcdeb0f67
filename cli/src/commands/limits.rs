//! `aqctl limits`: how the accounts stand.

use aq_proto::v1::ListLimitWindowsRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show what providers' limits allow: each window as a bar, when it resets, what holds now and how many tasks wait
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this account
    #[arg(add = candidates::accounts())]
    account: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let account_id = match &args.account {
        Some(typed) => ids::account(&connection, typed).await?,
        None => String::new(),
    };
    let answer = connection.accounts().list_limit_windows(ListLimitWindowsRequest { account_id }).await?.into_inner();
    context.ui.show(&answer, render::limits::limits)?;
    if answer.accounts.is_empty() {
        context.ui.talk("no accounts: limits belong to accounts; add yours with `aqctl account create NAME --login-dir ~/.claude`, then give it to an agent");
    }
    Ok(())
}

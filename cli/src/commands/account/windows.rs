//! `aqctl account windows`.

use aq_proto::v1::ListLimitWindowsRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show the usage windows that providers told of: how full they are, when they open again
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only windows of this account
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
    context.ui.show(&answer, render::account::windows)?;
    if answer.windows.is_empty() {
        context.ui.talk("no provider has told of a window yet; that happens with the first run");
    }
    Ok(())
}

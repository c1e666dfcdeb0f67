//! `aqctl account show`.

use aq_proto::v1::GetAccountRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show one account
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The account
    #[arg(add = candidates::accounts())]
    account: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let account_id = ids::account(&connection, &args.account).await?;
    let account = connection.accounts().get_account(GetAccountRequest { account_id }).await?.into_inner();
    context.ui.show(&account, render::account::show)
}

//! `aqctl account delete`.

use aq_proto::v1::DeleteAccountRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Delete an account; refused while an agent draws from it
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The account
    #[arg(add = candidates::accounts())]
    account: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let account_id = ids::account(&connection, &args.account).await?;
    context.ui.confirm(&format!("Delete account {account_id}?"))?;
    let request = DeleteAccountRequest { account_id: account_id.clone(), request_id: request_id() };
    let answer = connection.accounts().delete_account(request).await?.into_inner();
    context.ui.done(&answer, None, format!("account {account_id} deleted"))
}

//! `aqctl account list`.

use aq_proto::v1::ListAccountsRequest;

use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// List accounts
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = ListAccountsRequest::default();
    let page = paging::pages!(args.paging, connection.accounts(), list_accounts, request, accounts);
    context.ui.show(&page, render::account::list)?;
    let empty = "no accounts; create one with: aqctl account create NAME --login-dir DIR";
    paging::note(&context.ui, page.accounts.len(), page.total_size, &page.next_page_token, empty);
    Ok(())
}

//! `aqctl key list`.

use aq_proto::v1::ListApiKeysRequest;

use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// List API keys, without their secrets
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Also list keys that were revoked or have expired
    #[arg(long)]
    revoked: bool,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = ListApiKeysRequest { include_revoked: args.revoked, ..Default::default() };
    let page = paging::pages!(args.paging, connection.admin(), list_api_keys, request, api_keys);
    context.ui.show(&page, render::key::list)?;
    paging::note(&context.ui, page.api_keys.len(), page.total_size, &page.next_page_token, "no keys");
    Ok(())
}

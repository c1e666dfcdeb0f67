//! `aqctl key show`.

use aq_proto::client::Connection;
use aq_proto::v1::{ApiKey, ListApiKeysRequest};

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Keys asked for at once.
const PAGE: u32 = 200;

/// Show one API key: what it may do, when it was used and how long it works; never its secret
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The key's public part; a unique beginning is enough, also of one that was revoked or has expired
    #[arg(value_name = "KEY", add = candidates::keys())]
    kid: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let key = find(&connection, &args.kid).await?;
    context.ui.show(&key, render::key::show)
}

/// The key that `typed` means, whatever its state.
///
/// # Errors
/// As [`ids::choose`], and errors of the server.
pub(super) async fn find(connection: &Connection, typed: &str) -> Result<ApiKey, CliError> {
    let (mut client, mut keys) = (connection.admin(), Vec::new());
    let mut request = ListApiKeysRequest { include_revoked: true, page_size: PAGE, ..Default::default() };
    loop {
        let page = client.list_api_keys(request.clone()).await?.into_inner();
        keys.extend(page.api_keys);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let kids: Vec<String> = keys.iter().map(|key| key.kid.clone()).collect();
    let kid = ids::choose("key", typed, &kids)?;
    keys.into_iter().find(|key| key.kid == kid).ok_or_else(|| CliError::failure(format!("key {kid} is gone")))
}

//! `aqctl key revoke`.

use aq_proto::v1::RevokeApiKeyRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Make an API key worthless at once; open streams of it end
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The key's public part
    #[arg(value_name = "KEY", add = candidates::keys())]
    kid: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let kid = ids::key(&connection, &args.kid).await?;
    context.ui.confirm(&format!("Revoke key {kid}?"))?;
    let key = connection.admin().revoke_api_key(RevokeApiKeyRequest { kid, request_id: request_id() }).await?.into_inner();
    context.ui.done(&key, None, format!("key {} is worthless now", key.kid))
}

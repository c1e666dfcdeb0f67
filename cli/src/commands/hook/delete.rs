//! `aqctl hook delete`.

use aq_proto::v1::DeleteHookRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Delete a hook with its runs
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook: its id, the beginning of it, or its name
    #[arg(add = candidates::hooks())]
    hook: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let hook_id = ids::hook(&connection, &args.hook).await?;
    context.ui.confirm(&format!("Delete the hook {} with its runs?", args.hook))?;
    let gone = connection.hooks().delete_hook(DeleteHookRequest { hook_id, request_id: request_id() }).await?.into_inner();
    context.ui.done(&gone, None, format!("hook {} ({}) deleted", gone.hook_id, gone.name))
}

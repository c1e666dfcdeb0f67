//! `aqctl hook show`.

use aq_proto::v1::GetHookRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show a hook with what starts it and what it does
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook: its id, the beginning of it, or its name
    #[arg(add = candidates::hooks())]
    hook: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let hook_id = ids::hook(&connection, &args.hook).await?;
    let hook = connection.hooks().get_hook(GetHookRequest { hook_id }).await?.into_inner();
    context.ui.show(&hook, render::hook::show)
}

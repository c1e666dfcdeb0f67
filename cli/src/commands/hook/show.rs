//! `aqctl hook show`.

use aq_proto::v1::GetHookRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// Show a hook with what starts it and what it does
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook
    #[arg(add = candidates::hooks())]
    hook: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let hook = connection.hooks().get_hook(GetHookRequest { hook_id: args.hook }).await?.into_inner();
    context.ui.show(&hook, render::hook::show)
}

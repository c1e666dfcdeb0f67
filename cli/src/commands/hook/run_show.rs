//! `aqctl hook run`.

use aq_proto::v1::GetHookRunRequest;

use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// Show one run of a hook with what it saw and did
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The run
    run: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let run = connection.hooks().get_hook_run(GetHookRunRequest { run_id: args.run }).await?.into_inner();
    context.ui.show(&run, render::hook::run)
}

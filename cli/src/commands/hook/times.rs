//! `aqctl hook times`.

use aq_proto::v1::ListHookTimesRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show when a hook is due next
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The hook: its id, the beginning of it, or its name
    #[arg(add = candidates::hooks())]
    hook: String,
    /// How many times, at most 50
    #[arg(short = 'n', long, default_value_t = 5)]
    count: u32,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let hook_id = ids::hook(&connection, &args.hook).await?;
    let request = ListHookTimesRequest { hook_id, count: args.count };
    let answer = connection.hooks().list_hook_times(request).await?.into_inner();
    context.ui.show(&answer, render::hook::times)?;
    if answer.times.is_empty() {
        context.ui.talk("it has no schedule, or is not enabled");
    }
    Ok(())
}

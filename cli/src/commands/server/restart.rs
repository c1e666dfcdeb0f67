//! `aqctl server restart`.

use super::{start, stop};
use crate::context::Context;
use crate::error::CliError;

/// Stop the server and start it again with the arguments it had; what runs goes on meanwhile
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How it is stopped.
    #[command(flatten)]
    stop: stop::Args,
    /// How it is started.
    #[command(flatten)]
    start: start::Args,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    // What will be started is known before anything ends: a server that cannot come back is better not stopped.
    let launch = start::again(context, &args.start)?;
    stop::run(context, &args.stop).await?;
    start::launch(context, &args.start, &launch).await
}

//! `aqctl server restart`.

use super::{start, stop};
use crate::context::Context;
use crate::error::CliError;

/// Stop the server and start it again; what runs goes on meanwhile
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
    stop::run(context, &args.stop).await?;
    start::run(context, &args.start).await
}

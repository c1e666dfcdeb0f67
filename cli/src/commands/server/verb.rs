//! The verbs of `aqctl server`.

use super::{detached, logs, restart, start, status, stop};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Start(start::Args),
    Stop(stop::Args),
    Restart(restart::Args),
    Status(status::Args),
    Logs(logs::Args),
    #[command(hide = true)]
    Detached(detached::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    if context.has_endpoint() && !matches!(verb, Verb::Status(_)) {
        context.ui.warn("--server and AQ_SERVER are not heeded here: this is about the server of the home on this machine");
    }
    match verb {
        Verb::Start(args) => start::run(context, &args).await,
        Verb::Stop(args) => stop::run(context, &args).await,
        Verb::Restart(args) => restart::run(context, &args).await,
        Verb::Status(args) => status::run(context, &args).await,
        Verb::Logs(args) => logs::run(context, &args).await,
        Verb::Detached(args) => detached::run(context, args),
    }
}

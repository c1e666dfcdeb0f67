//! The verbs of `aqctl mcp`.

use clap::Subcommand;

use super::{bridge, config};
use crate::context::Context;
use crate::error::CliError;

/// Serve the tools to an assistant over standard input and output, in the Model Context Protocol
///
/// An assistant starts this by itself; `aqctl mcp config` prints what to write into its configuration. It may do what the API key may do.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// What to do; without it, serve
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Verbs.
#[derive(Debug, Subcommand)]
enum Verb {
    Config(config::Args),
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    match args.verb {
        None => bridge::run(context).await,
        Some(Verb::Config(args)) => config::run(context, &args),
    }
}

//! The verbs of `aqctl audit`.

use super::{list, verify};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    #[command(visible_alias = "ls")]
    List(list::Args),
    Verify(verify::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(context, args).await,
        Verb::Verify(args) => verify::run(context, args).await,
    }
}

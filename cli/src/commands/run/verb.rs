//! The verbs of `aqctl run`.

use super::{list, show};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    #[command(visible_alias = "ls")]
    List(list::Args),
    Show(show::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(context, args).await,
        Verb::Show(args) => show::run(context, args).await,
    }
}

//! The verbs of `aqctl archive`.

use super::{add, list, restore, settings};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Add(add::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    Restore(restore::Args),
    Settings(settings::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add(args) => add::run(context, args).await,
        Verb::List(args) => list::run(context, args).await,
        Verb::Restore(args) => restore::run(context, args).await,
        Verb::Settings(args) => settings::run(context, args).await,
    }
}

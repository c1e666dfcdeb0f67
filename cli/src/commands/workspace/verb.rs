//! The verbs of `aqctl workspace`.

use super::{add, list, release, remove};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Add(add::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    #[command(visible_alias = "rm")]
    Remove(remove::Args),
    Release(release::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add(args) => add::run(context, args).await,
        Verb::List(args) => list::run(context, args).await,
        Verb::Remove(args) => remove::run(context, args).await,
        Verb::Release(args) => release::run(context, args).await,
    }
}

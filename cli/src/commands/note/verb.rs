//! The verbs of `aqctl note`.

use super::{append, compare, delete, list, show, write};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    #[command(visible_alias = "ls")]
    List(list::Args),
    Show(show::Args),
    Write(write::Args),
    Append(append::Args),
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
    Compare(compare::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(context, args).await,
        Verb::Show(args) => show::run(context, args).await,
        Verb::Write(args) => write::run(context, args).await,
        Verb::Append(args) => append::run(context, args).await,
        Verb::Delete(args) => delete::run(context, args).await,
        Verb::Compare(args) => compare::run(context, args).await,
    }
}

//! The verbs of `aqctl prompt`.

use super::{delete, list, render, show, write};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    #[command(visible_alias = "ls")]
    List(list::Args),
    Show(show::Args),
    Render(render::Args),
    Write(write::Args),
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(context, args).await,
        Verb::Show(args) => show::run(context, args).await,
        Verb::Render(args) => render::run(context, args).await,
        Verb::Write(args) => write::run(context, args).await,
        Verb::Delete(args) => delete::run(context, args).await,
    }
}

//! The verbs of `aqctl agent`.

use super::{create, delete, edit, list, pause, resume, show};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Create(create::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    Show(show::Args),
    Edit(edit::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Create(args) => create::run(context, args).await,
        Verb::List(args) => list::run(context, args).await,
        Verb::Show(args) => show::run(context, args).await,
        Verb::Edit(args) => edit::run(context, args).await,
        Verb::Pause(args) => pause::run(context, args).await,
        Verb::Resume(args) => resume::run(context, args).await,
        Verb::Delete(args) => delete::run(context, args).await,
    }
}

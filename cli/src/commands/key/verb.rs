//! The verbs of `aqctl key`.

use super::{create, list, revoke, rotate, show};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Create(create::Args),
    #[command(visible_alias = "ls")]
    List(list::Args),
    Show(show::Args),
    Rotate(rotate::Args),
    Revoke(revoke::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Create(args) => create::run(context, args).await,
        Verb::List(args) => list::run(context, args).await,
        Verb::Show(args) => show::run(context, args).await,
        Verb::Rotate(args) => rotate::run(context, args).await,
        Verb::Revoke(args) => revoke::run(context, args).await,
    }
}

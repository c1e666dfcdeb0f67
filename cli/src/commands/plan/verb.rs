//! The verbs of `aqctl plan`.

use super::{approve, create, list, preview, reject, show};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    #[command(visible_alias = "ls")]
    List(list::Args),
    Show(show::Args),
    Preview(preview::Args),
    Create(create::Args),
    Approve(approve::Args),
    Reject(reject::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(context, args).await,
        Verb::Show(args) => show::run(context, args).await,
        Verb::Preview(args) => preview::run(context, args).await,
        Verb::Create(args) => create::run(context, args).await,
        Verb::Approve(args) => approve::run(context, args).await,
        Verb::Reject(args) => reject::run(context, args).await,
    }
}

//! The verbs of `aqctl git`.

use super::{branch, branches, checkout, commit, conflicts, diff, files, log, merge, pr, push, status};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Status(status::Args),
    Log(log::Args),
    Diff(diff::Args),
    Files(files::Args),
    Branches(branches::Args),
    Conflicts(conflicts::Args),
    Branch(branch::Args),
    Checkout(checkout::Args),
    Commit(commit::Args),
    Merge(merge::Args),
    Push(push::Args),
    Pr(pr::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Status(args) => status::run(context, args).await,
        Verb::Log(args) => log::run(context, args).await,
        Verb::Diff(args) => diff::run(context, args).await,
        Verb::Files(args) => files::run(context, args).await,
        Verb::Branches(args) => branches::run(context, args).await,
        Verb::Conflicts(args) => conflicts::run(context, args).await,
        Verb::Branch(args) => branch::run(context, args).await,
        Verb::Checkout(args) => checkout::run(context, args).await,
        Verb::Commit(args) => commit::run(context, args).await,
        Verb::Merge(args) => merge::run(context, args).await,
        Verb::Pr(args) => pr::run(context, args).await,
        Verb::Push(args) => push::run(context, args).await,
    }
}

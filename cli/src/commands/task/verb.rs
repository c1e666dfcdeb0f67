//! The verbs of `aqctl task`.

use super::{
    add, approve, delete, deps, edit, error, explain, list, propose, reject, repair, restart, result, set_status, show, skip, stop, tree,
    wait,
};
use crate::commands::say;
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    #[command(visible_aliases = ["create", "new"])]
    Add(Box<add::Args>),
    #[command(visible_alias = "ls")]
    List(Box<list::Args>),
    Show(show::Args),
    Tree(tree::Args),
    Explain(explain::Args),
    Result(result::Args),
    Error(error::Args),
    Wait(wait::Args),
    Propose(propose::Args),
    Stop(stop::Args),
    Restart(restart::Args),
    Repair(repair::Args),
    Skip(skip::Args),
    Approve(approve::Args),
    Reject(reject::Args),
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
    Edit(Box<edit::Args>),
    SetStatus(set_status::Args),
    /// What a task waits for: add, remove, list
    #[command(subcommand)]
    Deps(deps::Verb),
    Send(say::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add(args) => Box::pin(add::run(context, *args)).await,
        Verb::List(args) => Box::pin(list::run(context, *args)).await,
        Verb::Show(args) => show::run(context, args).await,
        Verb::Tree(args) => tree::run(context, args).await,
        Verb::Explain(args) => explain::run(context, args).await,
        Verb::Result(args) => result::run(context, args).await,
        Verb::Error(args) => error::run(context, args).await,
        Verb::Wait(args) => Box::pin(wait::run(context, args)).await,
        Verb::Propose(args) => propose::run(context, args).await,
        Verb::Stop(args) => stop::run(context, args).await,
        Verb::Restart(args) => restart::run(context, args).await,
        Verb::Repair(args) => repair::run(context, args).await,
        Verb::Skip(args) => skip::run(context, args).await,
        Verb::Approve(args) => approve::run(context, args).await,
        Verb::Reject(args) => reject::run(context, args).await,
        Verb::Delete(args) => delete::run(context, args).await,
        Verb::Edit(args) => Box::pin(edit::run(context, *args)).await,
        Verb::SetStatus(args) => set_status::run(context, args).await,
        Verb::Deps(verb) => deps::run(context, verb).await,
        Verb::Send(args) => say::run(context, args).await,
    }
}

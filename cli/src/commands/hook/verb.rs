//! The verbs of `aqctl hook`.

use super::{create, delete, edit, fire, list, run_show, runs, show, switch, times};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    #[command(visible_alias = "ls")]
    List(list::Args),
    Show(show::Args),
    Create(create::Args),
    Edit(edit::Args),
    /// Let a hook start by itself; its schedule begins anew
    Enable(switch::Args),
    /// Keep a hook from starting by itself
    Disable(switch::Args),
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
    Fire(fire::Args),
    Runs(runs::Args),
    Run(run_show::Args),
    Times(times::Args),
}

pub(in crate::commands) async fn run(context: &Context, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(context, args).await,
        Verb::Show(args) => show::run(context, args).await,
        Verb::Create(args) => create::run(context, args).await,
        Verb::Edit(args) => edit::run(context, args).await,
        Verb::Enable(args) => switch::run(context, args, true).await,
        Verb::Disable(args) => switch::run(context, args, false).await,
        Verb::Delete(args) => delete::run(context, args).await,
        Verb::Fire(args) => fire::run(context, args).await,
        Verb::Runs(args) => runs::run(context, args).await,
        Verb::Run(args) => run_show::run(context, args).await,
        Verb::Times(args) => times::run(context, args).await,
    }
}

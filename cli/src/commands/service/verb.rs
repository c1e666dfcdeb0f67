//! The verbs of `aqctl service`.

use super::{install, status, uninstall};
use crate::context::Context;
use crate::error::CliError;

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Install(install::Args),
    Uninstall(uninstall::Args),
    Status(status::Args),
}

pub(in crate::commands) fn run(context: &Context, verb: &Verb) -> Result<(), CliError> {
    match verb {
        Verb::Install(args) => install::run(context, args),
        Verb::Uninstall(args) => uninstall::run(context, args),
        Verb::Status(args) => status::run(context, args),
    }
}

//! The second half of `aqctl server start`: the child that becomes the server.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::context::Context;
use crate::error::CliError;
use crate::local::launch::{self, Launch};

/// Become the server in a session of its own
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The server's program
    #[arg(long)]
    program: PathBuf,
    /// Its arguments
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let launch = Launch { home: context.home()?, program: args.program, arguments: args.arguments };
    let error = launch::become_server(&launch);
    Err(CliError::failure(format!("cannot start {}: {error}", launch.program.display())))
}

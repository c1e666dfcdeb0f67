//! `aqctl`, the command line of Agent Queue: an ordinary client of the server.
//!
//! Reading order: `args` (the table of contents), `commands` (one verb per file), `render` (message → text), `context`, `ui`, `error`.
//!
//! Spec: specs/cli/commands.md

mod args;
mod candidates;
mod clean;
mod clock;
mod commands;
mod context;
mod environment;
mod error;
mod globals;
mod ids;
mod local;
mod look;
#[cfg(test)]
mod reference;
mod render;
mod ui;
mod wire;
mod words;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::context::Context;
use crate::environment::Environment;
use crate::error::{CliError, Kind};
use crate::ui::Ui;

fn main() -> ExitCode {
    let completion = clap_complete::CompleteEnv::with_factory(Cli::command);
    match completion.try_complete(std::env::args_os(), None) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => {}
        // Completion never disturbs the line that is being typed.
        Err(_) => return ExitCode::FAILURE,
    }
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let environment = Environment::read();
    let ui = Ui::new(&cli.globals, &environment);
    let context = Context { globals: cli.globals, environment, ui };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            context.ui.error(&error.into());
            return ExitCode::FAILURE;
        }
    };
    // A conversation goes on after Ctrl-C; whoever else heeds it has the first word.
    let goes_on = matches!(cli.command, args::Command::Chat(_));
    let result = runtime.block_on(async {
        tokio::select! {
            biased;
            result = Box::pin(commands::run(&context, cli.command)) => result,
            interrupted = tokio::signal::ctrl_c(), if !goes_on => {
                Err(interrupted.map_or_else(CliError::from, |()| CliError::new(Kind::Interrupted, "interrupted")))
            }
        }
    });
    // Streams read in the background must not hold the end of the program.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.kind != Kind::BrokenPipe && !error.message.is_empty() {
                context.ui.error(&error);
            }
            ExitCode::from(error.kind.exit_code())
        }
    }
}

//! The server's program: hidden entries first, then the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // Shims, confined agents and scripted agents are this program under hidden names; they come before everything else.
    match aq_runner::entry::internal_main(&arguments) {
        Some(code) => code,
        None => aq_server::entry::run(arguments),
    }
}

//! `aq-discord`, the Discord gateway of Agent Queue: a client of the server like any other.
//!
//! It checks its configuration, follows the server's events and writes them to standard output. It does not log in to Discord.
//!
//! Spec: specs/discord-gateway/README.md

mod app;
mod args;
mod config;
mod discord;
mod events;
mod health;
mod server;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    match app::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aq-discord: {error}");
            ExitCode::FAILURE
        }
    }
}

//! `aq-discord`, the Discord gateway of Agent Queue: a client of the server like any other.
//!
//! From the inside out: `text`, `message`, `custom_id`, `trust`, `routing`, `render`, `chart`, `buffer` are pure. `outbound` says things to Discord within
//! its limits; `discord` alone knows its library. `backend` asks the server. `bridge` is what all parts share; `events`, `runs`, `inbox`,
//! `actions`, `slash` do the work; `app` puts it together.
//!
//! Spec: specs/discord-gateway/README.md

mod actions;
mod app;
mod args;
mod backend;
mod bridge;
mod buffer;
mod chart;
mod chat;
mod clock;
mod config;
mod custom_id;
mod digest;
mod discord;
mod events;
mod health;
mod inbox;
mod message;
#[cfg(test)]
#[path = "../../server/core/tests/fuzz/mutate.rs"]
mod mutate;
mod notes;
mod outbound;
mod render;
mod routing;
mod runs;
mod server;
mod setup;
mod slash;
mod text;
mod trust;
mod watchdog;

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

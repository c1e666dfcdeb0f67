//! The hidden commands alone, for this crate's own tests. The server's binary holds the same ones.
//!
//! Spec: specs/server/runner/shim.md

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    aq_runner::entry::internal_main(&args).unwrap_or_else(|| {
        eprintln!("aq-shim is started by the server; it has no commands for people");
        ExitCode::from(2)
    })
}

//! The hidden commands that our binaries run themselves with. A binary asks here first, before it reads its own arguments.
//!
//! Spec: specs/server/runner/shim.md

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::runtimes::scripted;
use crate::shim::{EXEC_COMMAND, INSIDE_COMMAND, SHIM_COMMAND};

/// Runs a hidden command when `args` (the program's own name first) asks for one; `None` when it does not and the program should go on as
/// usual. Call it first thing in `main`, before any thread is started.
#[must_use]
pub fn internal_main(args: &[OsString]) -> Option<ExitCode> {
    let mut args = args.iter().skip(1);
    let command = args.next()?.to_str()?;
    match command {
        SHIM_COMMAND => Some(crate::shim::supervise(Path::new(args.next()?))),
        EXEC_COMMAND => Some(crate::shim::exec_stage(Path::new(args.next()?))),
        INSIDE_COMMAND => {
            let mut file = || args.next()?.to_str()?.parse().ok();
            Some(crate::shim::inside_stage([file()?, file()?, file()?]))
        }
        scripted::SUBCOMMAND => {
            let stdin = std::io::BufReader::new(std::io::stdin());
            Some(scripted::agent_main(Path::new(args.next()?), stdin, std::io::stdout().lock()))
        }
        _ => None,
    }
}

//! `aqctl init`: the first steps (server-control R9).

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::local::program;

/// The configuration that is written: everything at its default, the usual wishes as comments.
const CONFIG: &str = include_str!("init.yaml");

/// Write a small configuration when there is none, look for agent programs, and print the next commands
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where the configuration is written [default: ~/.config/agent-queue/config.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What was done and found, as data.
#[derive(Serialize)]
struct Report {
    config: String,
    written: bool,
    programs: Vec<Program>,
    next: Vec<String>,
}

/// An agent program, as data.
#[derive(Serialize)]
struct Program {
    runtime: &'static str,
    path: Option<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let path = match &args.config {
        Some(path) => std::path::absolute(path)?,
        None => {
            let folder =
                context.environment.config_dir().ok_or_else(|| CliError::failure("neither HOME nor XDG_CONFIG_HOME names a folder"))?;
            folder.join("agent-queue").join("config.yaml")
        }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let written = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            file.write_all(CONFIG.as_bytes())?;
            context.ui.talk(format!("wrote {}", path.display()));
            true
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            context.ui.talk(format!("kept {}", path.display()));
            false
        }
        Err(error) => return Err(CliError::failure(format!("cannot write {}: {error}", path.display()))),
    };
    let folders = context.environment.search_path();
    let (mut installed, mut programs) = (None, Vec::new());
    for agent in &program::AGENT_PROGRAMS {
        let found = program::find_in(agent.name, &folders);
        programs.push(Program { runtime: agent.runtime, path: found.as_ref().map(|found| found.display().to_string()) });
        match found {
            Some(found) => {
                // The first of the list is proposed, whatever else is there.
                installed = installed.or(Some(agent.runtime));
                context.ui.talk(format!("found {} at {}", agent.name, found.display()));
            }
            None => context.ui.talk(format!("{} is not on PATH; install it to use the runtime {}", agent.name, agent.runtime)),
        }
    }
    let runtime = installed.unwrap_or("scripted");
    let config = if args.config.is_some() { format!(" --config {}", path.display()) } else { String::new() };
    context.ui.talk("next:");
    let next = vec![
        format!("aqctl server start{config}"),
        "aqctl project create \"My App\"".to_owned(),
        "aqctl workspace add my-app --link .".to_owned(),
        format!("aqctl agent create --runtime {runtime}"),
        "aqctl task add \"Say hello in README.md\" --project my-app".to_owned(),
        "aqctl logs -f @last".to_owned(),
    ];
    let report = Report { config: path.display().to_string(), written, programs, next };
    context.ui.show_data(&report, |_| report.next.join("\n"))
}

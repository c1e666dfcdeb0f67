//! `aqctl service install`.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use super::{systemd, unit};
use crate::context::Context;
use crate::error::CliError;
use crate::local::program;

/// Install the server as a systemd service of yours, and start it
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only print the unit
    #[arg(long)]
    print: bool,
    /// Do not start it now
    #[arg(long)]
    no_start: bool,
    /// Configuration file of the server [default: ~/.config/agent-queue/config.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's program [default: aqd beside aqctl, else on PATH]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// The unit, as data.
#[derive(Serialize)]
struct Unit {
    /// Where it is written; not known without a home of the user.
    unit: Option<String>,
    text: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let program = match &args.program {
        Some(path) => std::path::absolute(path)?,
        None => program::find_ours("aqd", &context.environment)
            .ok_or_else(|| CliError::failure("aqd is neither beside aqctl nor on PATH").hint("name it with --program"))?,
    };
    let config = args.config.as_ref().map(std::path::absolute).transpose()?;
    let text = unit::text(&program, &context.home()?, config.as_deref());
    let path = systemd::unit_path(context);
    let told = Unit { unit: path.as_ref().ok().map(|path| path.display().to_string()), text };
    if args.print {
        return context.ui.show_data(&told, |_| told.text.clone());
    }
    let path = path?;
    let systemctl = systemd::systemctl(context)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, &told.text)?;
    context.ui.show_data(&told, |_| path.display().to_string())?;
    systemd::must(&systemctl, &["daemon-reload"])?;
    if args.no_start {
        systemd::must(&systemctl, &["enable", unit::NAME])?;
        context.ui.talk(format!("installed; start it with: systemctl --user start {}", unit::NAME));
    } else {
        systemd::must(&systemctl, &["enable", "--now", unit::NAME])?;
        context.ui.talk("installed and started; see: aqctl service status");
    }
    context.ui.talk("to let it run while you are logged out: loginctl enable-linger");
    Ok(())
}

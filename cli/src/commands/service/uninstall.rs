//! `aqctl service uninstall`.

use std::fs;
use std::io;

use super::{systemd, unit};
use crate::context::Context;
use crate::error::CliError;

/// Stop the service and remove it; data and what runs stay
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(super) fn run(context: &Context, _args: &Args) -> Result<(), CliError> {
    let path = systemd::unit_path(context)?;
    if !path.exists() {
        context.ui.talk("the service is not installed");
        return Ok(());
    }
    context.ui.confirm("Stop the service and remove it?")?;
    let systemctl = systemd::systemctl(context)?;
    systemd::must(&systemctl, &["disable", "--now", unit::NAME])?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    systemd::must(&systemctl, &["daemon-reload"])?;
    context.ui.talk(format!("removed {}", path.display()));
    Ok(())
}

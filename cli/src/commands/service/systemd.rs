//! Talking to systemd's user manager.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::unit;
use crate::context::Context;
use crate::error::CliError;
use crate::local::program;

/// Where the unit is written.
///
/// # Errors
/// When nothing names a folder for configuration.
pub(super) fn unit_path(context: &Context) -> Result<PathBuf, CliError> {
    let folder = context.environment.config_dir().ok_or_else(|| CliError::failure("neither HOME nor XDG_CONFIG_HOME names a folder"))?;
    Ok(folder.join("systemd/user").join(unit::NAME))
}

/// The `systemctl` of a machine that systemd runs.
///
/// # Errors
/// Where systemd is missing, with what to do instead.
pub(super) fn systemctl(context: &Context) -> Result<PathBuf, CliError> {
    let found = program::find_in("systemctl", &context.environment.search_path());
    found.filter(|_| Path::new("/run/systemd/system").is_dir()).ok_or_else(|| {
        CliError::failure("systemd does not run this machine")
            .hint("start the server with: aqctl server start, or hand the unit to a manager of yours: aqctl service install --print")
    })
}

/// Calls `systemctl --user`.
///
/// # Errors
/// When it cannot be started.
pub(super) fn call(systemctl: &Path, args: &[&str]) -> Result<Output, CliError> {
    let output = Command::new(systemctl).arg("--user").args(args).output();
    output.map_err(|error| CliError::failure(format!("cannot call {}: {error}", systemctl.display())))
}

/// Calls `systemctl --user`, which must succeed.
///
/// # Errors
/// When it fails, with what it said.
pub(super) fn must(systemctl: &Path, args: &[&str]) -> Result<(), CliError> {
    let output = call(systemctl, args)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(CliError::failure(format!("systemctl --user {} failed: {}", args.join(" "), said.trim())))
}

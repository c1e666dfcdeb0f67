//! `aqctl service status`.

use serde::Serialize;

use super::{systemd, unit};
use crate::clean;
use crate::context::Context;
use crate::error::{CliError, Kind};

/// Tell whether the service is installed and active; ends with 0 only when it is active
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

/// What is known of the service, as data.
#[derive(Serialize)]
struct State {
    /// What systemd calls it; `not installed` without a unit.
    state: String,
    unit: String,
}

pub(super) fn run(context: &Context, _args: &Args) -> Result<(), CliError> {
    let path = systemd::unit_path(context)?;
    if !path.exists() {
        let state = State { state: "not installed".to_owned(), unit: path.display().to_string() };
        context.ui.show_data(&state, |_| state.state.clone())?;
        return Err(CliError::new(Kind::NotFound, "the service is not installed").hint("install it with: aqctl service install"));
    }
    let systemctl = systemd::systemctl(context)?;
    let output = systemd::call(&systemctl, &["is-active", unit::NAME])?;
    let state = clean::line(String::from_utf8_lossy(&output.stdout).trim());
    let told = State { state: state.clone(), unit: path.display().to_string() };
    context.ui.show_data(&told, |_| format!("{state} ({})", told.unit))?;
    if output.status.success() {
        return Ok(());
    }
    Err(CliError::new(Kind::Unavailable, format!("the service is {state}")).hint("see: journalctl --user -u agent-queue"))
}

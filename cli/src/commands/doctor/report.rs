//! All checks in order, and the verdict.

use super::fix::{Trouble, troubles};
use super::{machine, remote};
use crate::context::Context;
use crate::error::CliError;
use crate::render::finding::{Check, Verdict, checks};

/// Check the machine and the server, one line each with what helps; ends with 1 when something does not work
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Mend what is safe: rights that are too wide, and what a killed server left behind; each is told
    #[arg(long)]
    fix: bool,
}

/// The whole report, as data.
#[derive(serde::Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

pub(in crate::commands) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let found = context.home().map(|home| troubles(&home)).unwrap_or_default();
    // What is mended is mended first, so that the checks see it.
    let mut all: Vec<Check> = match args.fix {
        true => found.iter().map(Trouble::mended).collect(),
        false => found.iter().filter(|trouble| !trouble.is_home()).map(Trouble::told).collect(),
    };
    all.extend(machine::checks(context).await);
    all.extend(remote::checks(context).await);
    let failed = all.iter().filter(|check| check.verdict == Verdict::Failed).count();
    let report = Report { ok: failed == 0, checks: all };
    context.ui.show_data(&report, |look| checks(look, &report.checks))?;
    match failed {
        0 => Ok(()),
        1 => Err(CliError::failure("1 check failed")),
        _ => Err(CliError::failure(format!("{failed} checks failed"))),
    }
}

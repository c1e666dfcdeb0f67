//! Runs a program (F-141).

use aq_core::hook::Hook;
use serde_json::{Value, json};

use super::place::{directory, repository};
use crate::hooks::parts::Parts;
use crate::hooks::ports::ProgramOrder;

pub(super) async fn run(parts: &Parts, hook: &Hook, name: &str, argv: &[String], timeout_ms: u64) -> Result<Value, String> {
    let programs = parts.programs.as_ref().filter(|_| parts.rules.shell);
    let programs = programs.ok_or("programs may not be run on this server; see `hook_engine.shell` in its configuration")?;
    let directory = directory(parts, hook).await?;
    let files = if directory.is_none() { repository(parts, hook).await? } else { None };
    let end = programs.run(ProgramOrder { name: name.to_owned(), argv: argv.to_vec(), directory, files, timeout_ms }).await?;
    let mut stderr = end.stderr;
    if end.timed_out {
        if !stderr.is_empty() && !stderr.ends_with('\n') {
            stderr.push('\n');
        }
        stderr.push_str("Command timed out after ");
        stderr.push_str(&(timeout_ms / 1000).to_string());
        stderr.push('s');
    }
    Ok(json!({ "stdout": end.stdout, "stderr": stderr, "exit_code": end.exit_code.unwrap_or(-1) }))
}

//! Programs on this machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Environment;

/// The file `name` in one of `folders`, when it can be executed.
#[must_use]
pub(crate) fn find_in(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(name)).find(|path| is_executable(path))
}

/// True for a file that may be executed.
#[must_use]
pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// A program of ours: beside the running one, else on PATH (server-control R1).
#[must_use]
pub(crate) fn find_ours(name: &str, environment: &Environment) -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
    let mut folders: Vec<PathBuf> = beside.into_iter().collect();
    folders.extend(environment.search_path());
    find_in(name, &folders)
}

/// The first line that `program --version` prints; `None` when it fails or takes longer than 5 s.
pub(crate) async fn version(program: &Path) -> Option<String> {
    let mut command = tokio::process::Command::new(program);
    command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(5), command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// An agent program that we know how to drive.
pub(crate) struct AgentProgram {
    /// The program.
    pub(crate) name: &'static str,
    /// The runtime that drives it.
    pub(crate) runtime: &'static str,
}

/// The agent programs that are looked for, the best known last.
pub(crate) const AGENT_PROGRAMS: [AgentProgram; 4] = [
    AgentProgram { name: "opencode", runtime: "opencode" },
    AgentProgram { name: "gemini", runtime: "gemini" },
    AgentProgram { name: "codex", runtime: "codex" },
    AgentProgram { name: "claude", runtime: "claude" },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// server-control R1: only what can be executed is found, in the order of the folders.
    #[test]
    fn executables_are_found_in_order() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [first.path().to_path_buf(), second.path().to_path_buf()];
        std::fs::write(first.path().join("aqd"), "").unwrap();
        let program = second.path().join("aqd");
        std::fs::write(&program, "").unwrap();
        assert_eq!(find_in("aqd", &folders), None);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_in("aqd", &folders), Some(program));
    }
}

//! Starting the server so that it outlives the terminal (server-control R1).
//!
//! `aqctl` starts itself as a child; the child becomes the leader of a session of its own and then turns into `aqd`. So no terminal's
//! hang-up reaches the server, and no unsafe code is needed between fork and exec.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::log;

/// Variables of an agent that started us; a server must not look like its child.
const NOT_HANDED_ON: [&str; 2] = ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"];
/// Keep git and forges from waiting for a person who is not there.
const SET: [(&str, &str); 3] = [("GIT_TERMINAL_PROMPT", "0"), ("GIT_ASKPASS", "/bin/false"), ("GH_PROMPT_DISABLED", "1")];

/// What is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The server's program.
    pub(crate) program: PathBuf,
    /// The data directory.
    pub(crate) home: PathBuf,
    /// The configuration file, when one is named.
    pub(crate) config: Option<PathBuf>,
}

fn open_log(home: &Path) -> io::Result<File> {
    let path = log::path(home);
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Starts the server in the background; the answer is the child that becomes it.
///
/// # Errors
/// When the log or the program cannot be opened.
pub(crate) fn spawn(launch: &Launch) -> io::Result<Child> {
    let log = open_log(&launch.home)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["server", "detached"]).arg("--program").arg(&launch.program).arg("--home").arg(&launch.home);
    if let Some(config) = &launch.config {
        command.arg("--config").arg(config);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir("/");
    command.spawn()
}

/// Becomes the server, in a session of its own. Comes back only when that fails.
#[must_use]
pub(crate) fn become_server(launch: &Launch) -> io::Error {
    if let Err(error) = rustix::process::setsid() {
        return error.into();
    }
    foreground(launch).exec()
}

/// The server's command line with its environment.
#[must_use]
pub(crate) fn foreground(launch: &Launch) -> Command {
    let mut command = Command::new(&launch.program);
    command.arg("--home").arg(&launch.home);
    if let Some(config) = &launch.config {
        command.arg("--config").arg(config);
    }
    command.arg("serve").envs(SET);
    for name in NOT_HANDED_ON {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-231, server-control R1: the command line, and what of the environment is handed on.
    #[test]
    fn the_server_is_no_child_of_an_agent() {
        let launch = Launch { program: "/opt/aqd".into(), home: "/state".into(), config: Some("/c.yaml".into()) };
        let command = foreground(&launch);
        let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
        assert_eq!(args, ["--home", "/state", "--config", "/c.yaml", "serve"]);
        let variables: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_str().unwrap(), value.and_then(|value| value.to_str()))).collect();
        assert!(variables.contains(&("CLAUDECODE", None)) && variables.contains(&("GIT_TERMINAL_PROMPT", Some("0"))), "{variables:?}");
    }
}

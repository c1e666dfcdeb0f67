//! Starting the server so that it outlives the terminal (server-control R1).
//!
//! `aqctl` starts itself as a child; the child becomes the leader of a session of its own and then turns into `aqd`. So no terminal's
//! hang-up reaches the server, and no unsafe code is needed between fork and exec.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
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
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
}

impl Launch {
    /// A server on `home`, with the configuration file that is named.
    #[must_use]
    pub(crate) fn new(program: PathBuf, home: PathBuf, config: Option<&Path>) -> Self {
        let mut arguments = vec!["--home".into(), home.clone().into_os_string()];
        if let Some(config) = config {
            arguments.extend(["--config".into(), config.into()]);
        }
        arguments.push("serve".into());
        Self { program, home, arguments }
    }

    /// The server that ran last on `home`, as it wrote it down itself; `None` where none has.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn as_before(home: PathBuf) -> io::Result<Option<Self>> {
        let bytes = match fs::read(home.join("aqd.command")) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut words = bytes.split(|byte| *byte == 0).map(|word| OsStr::from_bytes(word).to_owned());
        let Some(program) = words.next().filter(|word| !word.is_empty()) else { return Ok(None) };
        let mut arguments: Vec<OsString> = words.collect();
        // Every word is ended by a NUL, so the last piece is what is behind the last word: nothing.
        let _end = arguments.pop();
        Ok(Some(Self { program: program.into(), home, arguments }))
    }
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
    command.arg("--").args(&launch.arguments);
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
    command.args(&launch.arguments).envs(SET);
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
        let launch = Launch::new("/opt/aqd".into(), "/state".into(), Some(Path::new("/c.yaml")));
        let command = foreground(&launch);
        let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
        assert_eq!(args, ["--home", "/state", "--config", "/c.yaml", "serve"]);
        let variables: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_str().unwrap(), value.and_then(|value| value.to_str()))).collect();
        assert!(variables.contains(&("CLAUDECODE", None)) && variables.contains(&("GIT_TERMINAL_PROMPT", Some("0"))), "{variables:?}");
    }

    /// F-094, server-control R10: what a server wrote down is read back word for word, empty and odd ones too; half a file says nothing wrong.
    #[test]
    fn what_was_written_down_is_read_back() {
        let home = tempfile::tempdir().unwrap();
        let read = || Launch::as_before(home.path().to_path_buf()).unwrap().map(|launch| (launch.program, launch.arguments));
        assert_eq!(read(), None);
        let file = home.path().join("aqd.command");
        fs::write(&file, b"/opt/a b/aqd\0--home\0/st\xffate\0--log\0\0serve\0").unwrap();
        let (program, arguments) = read().unwrap();
        assert_eq!(program, Path::new("/opt/a b/aqd"));
        assert_eq!(arguments, [OsStr::new("--home"), OsStr::from_bytes(b"/st\xffate"), "--log".as_ref(), "".as_ref(), "serve".as_ref()]);
        fs::write(&file, b"").unwrap();
        assert_eq!(read(), None);
    }
}

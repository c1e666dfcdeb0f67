//! Runs the binary with nothing of the surrounding environment.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A home of its own.
pub(crate) struct Environment {
    pub(crate) dir: TempDir,
    server: Option<String>,
}

/// What a command did.
#[must_use = "look at the code or the output"]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), server: None }
    }

    /// Talks to a server on this address.
    pub(crate) fn with_server(address: std::net::SocketAddr) -> Self {
        Self { server: Some(format!("http://{address}")), ..Self::new() }
    }

    pub(crate) fn home(&self) -> std::path::PathBuf {
        self.dir.path().join("state/agent-queue")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aqctl"));
        command.args(args).env_clear().env("HOME", self.dir.path()).env("XDG_STATE_HOME", self.dir.path().join("state"));
        command.env("PATH", "/usr/bin:/bin").env("TZ", "UTC").current_dir(self.dir.path());
        if let Some(server) = &self.server {
            command.env("AQ_SERVER", server);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args).output().unwrap())
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The code, and everything that was said when it is another one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// Makes a program.
pub(crate) fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

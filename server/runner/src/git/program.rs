//! The hardened `git` command: for the network only, and only on repositories of ours (git R4, R5).
//!
//! Spec: specs/server/runner/git.md

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek as _, Write as _};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};

use super::address::without_credentials;
use super::credentials;
use super::error::{AtPath, GitError};

/// Longest time of one command, unless set otherwise.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Most output that is kept of each stream, in bytes.
const KEPT: u64 = 8 << 20;
/// Longest error text that is passed on, in bytes.
const MESSAGE: usize = 2000;

/// Settings that hold for every command: no hooks, no watchers, no helpers chosen by a repository, no background work.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    // As long as we wait for locks ourselves (git R12a), in milliseconds.
    "core.filesRefLockTimeout=5000",
    "core.packedRefsTimeout=5000",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "push.followTags=false",
    "push.gpgSign=false",
    "http.followRedirects=initial",
    "fetch.unpackLimit=20",
    "pack.writeReverseIndex=false",
    "protocol.ext.allow=never",
];

/// Variables that would point git at another repository; never inherited.
const DROPPED: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_EXEC_PATH",
    "GIT_TEMPLATE_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_PROXY_COMMAND",
    "GIT_TRACE",
    "GIT_SHALLOW_FILE",
    "GIT_QUARANTINE_PATH",
];

/// How the `git` program is called.
#[derive(Clone, Debug)]
pub struct GitProgram {
    /// The program: a name looked up in the search path, or an absolute path.
    pub path: PathBuf,
    /// Longest time of one fetch or push; after it the whole process group is killed.
    pub timeout: Duration,
    /// Variables set for every command, over the inherited ones (a credential helper's, `GIT_CONFIG_GLOBAL`, …).
    pub environment: Vec<(OsString, OsString)>,
}

impl Default for GitProgram {
    fn default() -> Self {
        Self { path: "git".into(), timeout: TIMEOUT, environment: Vec::new() }
    }
}

/// What a finished command said.
pub(super) struct Answer {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    /// The end of what git said, for people.
    pub(super) fn message(&self) -> String {
        let text = if self.stderr.trim().is_empty() { self.stdout.trim() } else { self.stderr.trim() };
        let mut start = text.len().saturating_sub(MESSAGE);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        without_credentials(text.get(start..).unwrap_or_default())
    }

    fn or_error(self, operation: &'static str) -> Result<Self, GitError> {
        if self.ok { Ok(self) } else { Err(GitError::Command { operation, message: self.message() }) }
    }
}

impl GitProgram {
    /// Runs `git <operation> <options> -- <operands>` on the repository `directory` of ours (none: on no repository).
    pub(super) fn run(
        &self,
        operation: &'static str,
        directory: Option<&Path>,
        options: &[&str],
        operands: &[&OsStr],
    ) -> Result<Answer, GitError> {
        self.read_from(Stdio::null(), operation, directory, options, operands)
    }

    /// Runs `git <operation> <options>` on the repository `directory` of ours, with `input` to read; a failure is an error.
    pub(super) fn feed(&self, operation: &'static str, directory: &Path, options: &[&str], input: &str) -> Result<Answer, GitError> {
        // A file in memory takes any input before git begins, so that neither waits for the other.
        let file = || -> std::io::Result<File> {
            let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
            file.write_all(input.as_bytes())?;
            file.rewind().map(|()| file)
        };
        let answer = self.read_from(file().at(&self.path)?.into(), operation, Some(directory), options, &[])?;
        answer.or_error(operation)
    }

    fn read_from(
        &self,
        input: Stdio,
        operation: &'static str,
        directory: Option<&Path>,
        options: &[&str],
        operands: &[&OsStr],
    ) -> Result<Answer, GitError> {
        let mut command = Command::new(&self.path);
        if let Some(directory) = directory {
            command.arg("--git-dir").arg(directory).current_dir(directory);
        } else {
            command.current_dir("/");
        }
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        for setting in self.credentials(operands)? {
            command.arg("-c").arg(setting);
        }
        command.arg(operation).args(options);
        if !operands.is_empty() {
            command.arg("--").args(operands);
        }
        for name in DROPPED {
            command.env_remove(name);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("SSH_ASKPASS_REQUIRE", "never").env("LC_ALL", "C").env("GCM_INTERACTIVE", "never");
        command.env("GIT_ALLOW_PROTOCOL", "file:https:ssh").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_ATTR_NOSYSTEM", "1");
        let user = UserSettings::read();
        if !user.askpass {
            command.env("GIT_ASKPASS", "/bin/false");
        }
        // The keys of the user's agent are for this host, and not for what runs on it.
        command.env("GIT_SSH_COMMAND", format!("{} -oBatchMode=yes -oForwardAgent=no", user.ssh));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => GitError::ProgramMissing { program: self.path.display().to_string() },
            _ => GitError::Io { path: self.path.clone(), source: error },
        })?;
        self.wait(operation, child)
    }

    /// The user's helpers, bound to the host of the address that a command speaks to; nothing for what needs no helper.
    fn credentials(&self, operands: &[&OsStr]) -> Result<Vec<String>, GitError> {
        let Some(url) = operands.iter().filter_map(|operand| operand.to_str()).find(|operand| operand.starts_with("https://")) else {
            return Ok(Vec::new());
        };
        let listed = self.run("config", None, &["--null", "--get-regexp", r"^credential(\..*)?\.helper$"], &[])?;
        Ok(credentials::bound(&credentials::read(&listed.stdout), url))
    }

    /// Like [`GitProgram::run`], and a failure is an error.
    pub(super) fn must(
        &self,
        operation: &'static str,
        directory: Option<&Path>,
        options: &[&str],
        operands: &[&OsStr],
    ) -> Result<Answer, GitError> {
        self.run(operation, directory, options, operands)?.or_error(operation)
    }

    fn wait(&self, operation: &'static str, mut child: Child) -> Result<Answer, GitError> {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let (done, ended) = mpsc::sync_channel(1);
        let waiter = thread::spawn(move || {
            let status = child.wait();
            let _heard = done.send(());
            status
        });
        let in_time = ended.recv_timeout(self.timeout).is_ok();
        // Also after a normal end: a helper left in the background would keep the pipes open.
        if let Some(group) = group {
            let _gone = kill_process_group(group, Signal::KILL);
        }
        let status = waiter.join().map_err(|_| lost(operation))?.at(&self.path)?;
        let stdout = stdout.join().map_err(|_| lost(operation))?;
        let stderr = stderr.join().map_err(|_| lost(operation))?;
        if !in_time {
            return Err(GitError::TimedOut { operation, seconds: self.timeout.as_secs() });
        }
        Ok(Answer { ok: status.success(), stdout, stderr })
    }
}

fn lost(operation: &'static str) -> GitError {
    GitError::Command { operation, message: "its output could not be read".to_owned() }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _short = stream.by_ref().take(KEPT).read_to_end(&mut bytes);
            let _rest = std::io::copy(&mut stream, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// What the user's own configuration says about credentials. Repositories have no say.
struct UserSettings {
    ssh: String,
    askpass: bool,
}

impl UserSettings {
    fn read() -> Self {
        let config = git2::Config::open_default().ok();
        let text = |name| config.as_ref().and_then(|config| config.get_string(name).ok());
        Self { ssh: text("core.sshCommand").unwrap_or_else(|| "ssh".to_owned()), askpass: text("core.askPass").is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> (tempfile::TempDir, GitProgram) {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fake-git");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (dir, GitProgram { path, timeout: Duration::from_millis(300), environment: Vec::new() })
    }

    /// git R5: everything that a command started is ended with it.
    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let (_dir, program) = script("sleep 60 & sleep 60");
        let result = program.run("fetch", None, &[], &[]);
        assert!(matches!(result, Err(GitError::TimedOut { operation: "fetch", .. })));
    }

    /// git R5
    #[test]
    fn a_missing_program_is_named() {
        let program = GitProgram { path: "/nowhere/git".into(), ..GitProgram::default() };
        let error = program.run("fetch", None, &[], &[]).err().unwrap();
        assert!(error.to_string().contains("/nowhere/git"));
    }

    /// git R5a: a command that speaks to a host is given the helpers of that host only, and one that speaks to a path none.
    #[test]
    fn helpers_are_given_to_one_host() {
        let (_dir, program) = script("case \"$*\" in *get-regexp*) printf 'credential.helper\\nstore\\0';; *) echo \"$*\";; esac");
        let url = OsStr::new("https://host.example/x.git");
        let said = program.run("fetch", None, &[], &[url]).unwrap().stdout;
        assert!(
            said.contains("-c credential.helper= -c credential.https://host.example.helper=store fetch -- https://host.example/x.git"),
            "{said}"
        );
        assert!(!program.run("fetch", None, &[], &[OsStr::new("/srv/x")]).unwrap().stdout.contains("credential"));
    }

    /// git R5: messages carry no credentials.
    #[test]
    fn messages_are_cleaned() {
        let (_dir, program) = script("echo 'fatal: https://me:secret@host/x' >&2; exit 3");
        let error = program.must("push", None, &[], &[]).err().unwrap();
        assert_eq!(error.to_string(), "git push failed: fatal: https://host/x");
    }
}

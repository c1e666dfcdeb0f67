//! `aqctl server restart` with the real server: this program is `aqd` when it is called as one, and the test otherwise.
//!
//! Spec: specs/cli/server-control.md

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How the server is called in the test: relative paths, and flags that `aqctl server start` does not know.
const CALL: [&str; 8] = ["--config", "my.yaml", "--home", "state", "--log-format", "json", "serve", "--socket"];
/// The name of the test, for filters.
const NAME: &str = "a_restarted_server_has_its_arguments";
/// How long anything that is waited for may take; it bounds a failure and never a success.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Every call of a server or a shim names what it works on first; the arguments of a test run are filters and flags of its harness.
    let first = arguments.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    if ["--home", "--config"].contains(&first) || first.starts_with("__") {
        return aq_server::entry::main(arguments);
    }
    let mut filters = arguments.iter().skip(1).filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-')).peekable();
    if filters.peek().is_none() || filters.any(|filter| NAME.contains(filter)) {
        a_restarted_server_has_its_arguments();
        println!("test {NAME} ... ok");
    }
    ExitCode::SUCCESS
}

/// A directory with a configuration and a home; the server of the home is ended with it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn home(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn aqctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aqctl"));
        command.args(arguments).arg("--home").arg(self.home()).env_clear().env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null());
        command
    }

    /// What a command printed; it must succeed.
    fn ask(&self, arguments: &[&str]) -> String {
        let done = self.aqctl(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", said(&done));
        String::from_utf8(done.stdout).unwrap()
    }

    /// The process that holds the home, and its arguments.
    fn server(&self) -> (i32, Vec<String>) {
        let pid: i32 = std::fs::read_to_string(self.home().join("aqd.lock")).unwrap().trim().parse().unwrap();
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        (pid, line.split_terminator('\0').skip(1).map(str::to_owned).collect())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ended = self.aqctl(&["server", "stop"]).output();
    }
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// The lines of a program, read to their end by a thread of their own, so that the program never waits for its reader.
struct Lines(Receiver<String>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // A test that has seen enough listens no more; the stream is read to its end all the same.
            BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Self(lines)
    }

    /// Waits for a line that holds `text`, for each line at most `patience`.
    fn shows(&self, text: &str, patience: Duration) -> bool {
        while let Ok(line) = self.0.recv_timeout(patience) {
            if line.contains(text) {
                return true;
            }
        }
        false
    }
}

/// A program that is ended with the test.
struct Follower(Child);

impl Drop for Follower {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// A server as a person starts it: from a directory of theirs, by hand.
fn by_hand(place: &Place) -> Child {
    let folder = place.folder.path();
    std::fs::write(folder.join("my.yaml"), "server:\n  grace: 1s\n").unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap());
    server.args(CALL).arg("my.sock").current_dir(folder).env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin");
    let mut server = server.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = Lines::of(server.stderr.take().unwrap());
    assert!(lines.shows("\"serving\"", PATIENCE), "the server never served");
    server
}

/// F-094, D-72, server-control R10, server R5: a server that was started by hand comes back with every argument it had, from wherever it is restarted, after a
/// stop and after a kill; a client that follows its events goes on; and a restart that cannot succeed stops nothing.
fn a_restarted_server_has_its_arguments() {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    let folder = place.folder.path().to_path_buf();
    let mut first = by_hand(&place);
    let (pid, arguments) = place.server();
    assert_eq!(arguments.len(), CALL.len() + 1, "{arguments:?}");

    let mut follower = place.aqctl(&["watch", "-o", "json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map(Follower).unwrap();
    let shown = Lines::of(follower.0.stdout.take().unwrap());
    // It shows what happens once it follows, and says nothing before; so something happens until it shows it.
    let follows = (0..60).any(|turn| {
        place.ask(&["project", "create", &format!("before-{turn}")]);
        shown.shows("before-", Duration::from_secs(2))
    });
    assert!(follows, "the follower showed nothing");

    place.ask(&["server", "restart"]);
    assert!(first.wait().unwrap().success());
    let path = |name: &str| folder.join(name).display().to_string();
    let whole = ["--home", &path("state"), "--config", &path("my.yaml"), "--log-format", "json", "serve", "--socket", &path("my.sock")];
    let (second, arguments) = place.server();
    assert_ne!(second, pid);
    assert_eq!(arguments, whole);
    place.ask(&["project", "create", "after"]);
    assert!(shown.shows("after", PATIENCE), "the follower did not go on");
    drop(follower);

    let refused = place.aqctl(&["server", "restart", "--config", "/nowhere.yaml"]).output().unwrap();
    assert!(!refused.status.success() && said(&refused).contains("/nowhere.yaml any more; nothing was stopped"), "{}", said(&refused));
    assert_eq!(place.server().0, second);

    // Killed, it left word how it was started all the same.
    kill_process(Pid::from_raw(second).unwrap(), Signal::KILL).unwrap();
    place.ask(&["server", "restart"]);
    assert_eq!(place.server().1, whole);

    std::fs::write(folder.join("other.yaml"), "").unwrap();
    place.ask(&["server", "restart", "--config", &path("other.yaml")]);
    let noted = std::fs::read_to_string(place.home().join("aqd.command")).unwrap();
    assert!(noted.contains("other.yaml\0--log-format\0json\0serve\0--socket\0") && !noted.contains("my.yaml"), "{noted:?}");
}

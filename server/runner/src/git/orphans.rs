//! Commands of `git` that outlived the server that gave them: found by the mark in their environment, and ended before anything else is done to a mirror.
//!
//! Spec: specs/server/runner/git.md

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::process::{MARK_VARIABLE, Stat, clock, marked, signal_proven};

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// What marks every command of the server whose home this is.
pub(super) fn mark(home: &Path) -> String {
    format!("git of {}", fs::canonicalize(home).unwrap_or_else(|_| home.to_owned()).display())
}

/// The variable by which such a command is known.
pub(super) fn variable(mark: &str) -> (OsString, OsString) {
    (MARK_VARIABLE.into(), mark.into())
}

/// Ends every `git` that carries the mark (git R12). What git has started of others is left alone: a connection of ssh may be shared with the user's own.
/// Returns when they are gone, or after five seconds.
pub(super) fn end(mark: &str) {
    let give_up = clock::monotonic() + PATIENCE;
    let mut told = false;
    loop {
        let found: Vec<_> = marked(mark).into_iter().filter(is_git).collect();
        if found.is_empty() {
            return;
        }
        if !told {
            tracing::warn!(processes = ?found.iter().map(|stat| stat.pid).collect::<Vec<_>>(), "ending the git commands that a killed server left at work");
            told = true;
        }
        if clock::monotonic() >= give_up {
            tracing::error!("git commands of a killed server do not end; what they hold is taken from them");
            return;
        }
        for seen in &found {
            signal_proven(seen, Signal::KILL, is_git);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// True for `git` and its programs for remotes (`git-remote-https`).
fn is_git(stat: &Stat) -> bool {
    fs::read_to_string(format!("/proc/{}/comm", stat.pid)).is_ok_and(|name| name.starts_with("git"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;

    use aq_core::time::Timestamp;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::super::author::Identity;
    use super::super::program::GitProgram;
    use super::super::rooms::Rooms;
    use super::*;

    /// A program of this name that waits until its input ends.
    fn start(folder: &Path, name: &str, mark: &str) -> Child {
        let program = folder.join(name);
        fs::write(&program, "#!/bin/sh\necho begun\nread -r line\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(&program);
        command.env(MARK_VARIABLE, mark).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It has its name and its environment once it says something.
        let mut said = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
        child
    }

    /// git R12: what a killed server's git goes on with is ended, and neither what it started of others nor the git of another home.
    #[test]
    fn a_git_without_a_server_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (mark(folder.path()), mark(Path::new("/home/of/another")));
        let mut left = start(folder.path(), "git", &ours);
        let mut remote = start(folder.path(), "git-remote-https", &ours);
        let mut shared = start(folder.path(), "ssh", &ours);
        let mut strange = start(folder.path(), "git", &other);
        end(&ours);
        for child in [&mut left, &mut remote] {
            assert_eq!(child.try_wait().unwrap().and_then(|status| status.signal()), Some(9));
        }
        for child in [&mut shared, &mut strange] {
            assert_eq!(child.try_wait().unwrap(), None);
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }

    /// git R12: each command of a server carries its mark, and the next server of the home ends it before it removes the locks.
    #[test]
    fn the_next_server_ends_what_is_left_at_work() {
        let home = tempfile::tempdir().unwrap();
        let pipe = |name: &str| {
            let path = home.path().join(name);
            mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
            path
        };
        let (begun, never) = (pipe("begun"), pipe("never"));
        let path = home.path().join("git");
        fs::write(&path, format!("#!/bin/sh\necho begun >{}\nread -r line <{}\n", begun.display(), never.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let server = || {
            let identity = Identity { name: "a".to_owned(), email: "a@example.org".to_owned() };
            let program = GitProgram { path: path.clone(), ..GitProgram::default() };
            Rooms::new(home.path().to_owned(), identity, program, Arc::new(|| Timestamp::from_millis(0)))
        };
        let killed = server();
        let left = thread::spawn(move || killed.inner.program.run("repack", None, &[], &[]));
        assert_eq!(fs::read_to_string(&begun).unwrap(), "begun\n");
        let lock = home.path().join("mirrors/app.git/packed-refs.lock");
        fs::create_dir_all(lock.parent().unwrap()).unwrap();
        fs::write(&lock, "").unwrap();
        server().clear_dead_locks();
        assert!(!lock.exists());
        assert!(!left.join().unwrap().unwrap().ok, "it was ended, and not by its own time");
    }
}

//! A folder with the home of a server, and an end for everything that works in it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tempfile::TempDir;

/// A folder with the home of a server. The runs of a server outlive it, so that the next one takes them up; whatever still works here when the folder
/// goes is ended first.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(tempfile::tempdir().unwrap()))
    }

    /// A place below a folder.
    pub(crate) fn below(folder: &Path) -> Arc<Self> {
        Arc::new(Self(tempfile::tempdir_in(folder).unwrap()))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Ending one lets its parent see it and its children go on, so it is looked again. A look is not an instant: who starts another one and goes
        // meanwhile was listed but is not there, and the other one was not listed yet; and who is just becoming another program says nothing of
        // itself. Nobody is there when three looks in a row were sure of it.
        let mut empty = 0;
        for _ in 0..300 {
            let found = at_work_in(self.path());
            empty = if found.is_empty() && !somebody_begins() { empty + 1 } else { 0 };
            if empty == 3 {
                return;
            }
            found.into_iter().for_each(end);
        }
    }
}

/// True while some process is between two programs: it has the new one's file, and no command line yet.
fn somebody_begins() -> bool {
    let entries = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    entries
        .filter(|entry| entry.join("exe").read_link().is_ok())
        .any(|entry| std::fs::read(entry.join("cmdline")).is_ok_and(|line| line.is_empty()))
}

/// The processes whose command line or working directory names the folder.
pub(crate) fn at_work_in(folder: &Path) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(Pid::from_raw);
    pids.filter(|pid| *pid != rustix::process::getpid() && works_in(*pid, folder)).collect()
}

fn works_in(pid: Pid, folder: &Path) -> bool {
    let entry = format!("/proc/{}", pid.as_raw_nonzero());
    // A process that is gone meanwhile works nowhere.
    let line = std::fs::read(format!("{entry}/cmdline")).unwrap_or_default();
    let named = line.windows(folder.as_os_str().len()).any(|part| part == folder.as_os_str().as_bytes());
    named || std::fs::read_link(format!("{entry}/cwd")).is_ok_and(|directory| directory.starts_with(folder))
}

/// Kills a process and waits until it is gone.
fn end(pid: Pid) {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let _gone_meanwhile = pidfd_send_signal(&handle, Signal::KILL);
    let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
    let _late = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&patience));
}

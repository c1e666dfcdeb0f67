//! Starts the agent (through the exec stage) and remembers how its leader ended.
//!
//! Spec: specs/server/runner/shim.md

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::event::PollFlags;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process_group, pidfd_open, wait};

use super::folder::RunFolder;
use super::spec::{ShimSpec, StdinMode};
use crate::process::{MARK_VARIABLE, ProcessIdentity, RUN_ID_VARIABLE, read_stat};

/// A larger pipe lets the agent write on while the shim is busy. Best effort.
const PIPE_BYTES: usize = 256 * 1024;

/// The agent's leader: the process that the exec stage becomes.
pub(super) struct Agent {
    pub(super) identity: ProcessIdentity,
    pid: Pid,
    pidfd: OwnedFd,
    status: Option<WaitStatus>,
}

/// The shim's ends of the agent's standard streams, all non-blocking.
pub(super) struct Pipes {
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

fn non_blocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

/// A pipe whose reading end is ours.
fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    non_blocking(&ours)?;
    // The default size works as well.
    fcntl_setpipe_size(&ours, PIPE_BYTES).ok();
    Ok((ours, theirs))
}

impl Agent {
    /// Starts the exec stage in a process group of its own, with exactly the environment of the order and the two variables of ours.
    pub(super) fn start(folder: &RunFolder, spec: &ShimSpec) -> io::Result<(Self, Pipes)> {
        let (stdout, stdout_theirs) = output_pipe()?;
        let (stderr, stderr_theirs) = output_pipe()?;
        let (stdin, stdin_theirs) = match spec.stdin {
            StdinMode::Closed => (None, Stdio::null()),
            StdinMode::Held => {
                let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
                non_blocking(&ours)?;
                (Some(ours), Stdio::from(theirs))
            }
        };
        // The running image itself, even when its file has been replaced by an upgrade.
        let child = Command::new("/proc/self/exe")
            .arg(super::hidden::EXEC_COMMAND)
            .arg(folder.path())
            .env_clear()
            .envs(&spec.env)
            .env(RUN_ID_VARIABLE, &spec.run)
            .env(MARK_VARIABLE, &spec.mark)
            .current_dir("/")
            .process_group(0)
            .stdin(stdin_theirs)
            .stdout(Stdio::from(stdout_theirs))
            .stderr(Stdio::from(stderr_theirs))
            .spawn()?;
        let pid = Pid::from_child(&child);
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        // Not reaped before we do it, so the id is still its own.
        let stat = read_stat(pid.as_raw_nonzero().get()).ok_or_else(|| io::Error::other("/proc does not show the agent"))?;
        Ok((Self { identity: stat.identity(), pid, pidfd, status: None }, Pipes { stdin, stdout, stderr }))
    }

    /// The handle to poll for the leader's end, while it lives.
    pub(super) fn poll_fd(&self) -> Option<(&OwnedFd, PollFlags)> {
        self.status.is_none().then_some((&self.pidfd, PollFlags::IN))
    }

    /// How the leader ended; `None` while it lives.
    pub(super) const fn status(&self) -> Option<WaitStatus> {
        self.status
    }

    /// Sends a polite signal to the leader's process group, and wakes whoever is stopped so that it can heed it.
    pub(super) fn signal_group(&self, signal: Signal) {
        if self.status.is_none() {
            // Unreaped, the leader keeps its group's id from being used by others. A group that is gone needs no signal.
            kill_process_group(self.pid, signal).ok();
            kill_process_group(self.pid, Signal::CONT).ok();
        }
    }

    /// Reaps everybody who has ended: the leader, and orphans that climbed up to us. Returns false when no child is left, which for a
    /// subreaper means that no descendant is left either.
    pub(super) fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.pid => self.status = Some(status),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

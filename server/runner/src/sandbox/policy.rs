//! The policy of one run: which paths may be read, which written, which ports reached. Everything else is out of reach.
//!
//! Spec: specs/server/runner/sandbox.md

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How an agent is contained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxLevel {
    /// Not at all: it can do whatever the server's user can.
    #[default]
    None,
    /// By the kernel's Landlock, as far as the kernel offers it.
    Landlock,
    /// By Landlock, within namespaces that bubblewrap makes: what the agent may not reach is not there, and it sees no process but its own.
    Bwrap,
}

/// The paths and ports of a run. Paths that do not exist are passed over; a path covers everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SandboxPolicy {
    /// May be read and executed.
    pub read_only: Vec<PathBuf>,
    /// May be read, executed, written, made and removed.
    pub read_write: Vec<PathBuf>,
    /// TCP ports that may be connected to; `None`: all. Name resolution over UDP is never covered.
    pub connect_ports: Option<Vec<u16>>,
}

/// A level with its policy, as it stands in a run's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sandbox {
    /// How.
    pub level: SandboxLevel,
    /// What.
    pub policy: SandboxPolicy,
    /// The program `bwrap`, for the level of that name.
    pub bwrap: PathBuf,
}

/// The places of one run, from which its policy is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The run's directory: its checkout.
    pub workspace: PathBuf,
    /// The run's own HOME.
    pub home: PathBuf,
    /// The run's own TMPDIR.
    pub temporary: PathBuf,
    /// The agent CLI's own configuration and login; empty: none.
    pub login_dir: PathBuf,
    /// Folders of compilers and package managers outside the system's paths, readable.
    pub toolchains: Vec<PathBuf>,
    /// More folders the run may write, for example the workspace's object store.
    pub also_writable: Vec<PathBuf>,
}

/// What every program needs to start at all.
const SYSTEM: [&str; 12] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/proc", "/sys", "/nix/store", "/run/systemd/resolve"];

/// Device files that programs write to.
const DEVICES: [&str; 8] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"];

impl SandboxPolicy {
    /// The usual policy: the system readable, the run's own places writable, all else (the server's data, other runs, the user's files)
    /// out of reach (sandbox R2).
    #[must_use]
    pub fn usual(places: &Places) -> Self {
        let given = |path: &Path| Some(path.to_owned()).filter(|path| path.is_absolute());
        let mut read_only: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        read_only.extend(places.toolchains.iter().filter_map(|path| given(path)));
        let mut read_write: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
        let own = [&places.workspace, &places.home, &places.temporary, &places.login_dir];
        read_write.extend(own.into_iter().chain(&places.also_writable).filter_map(|path| given(path)));
        Self { read_only, read_write, connect_ports: None }
    }
}

impl Sandbox {
    /// Contained by Landlock with `policy`.
    #[must_use]
    pub const fn landlock(policy: SandboxPolicy) -> Self {
        Self { level: SandboxLevel::Landlock, policy, bwrap: PathBuf::new() }
    }

    /// Contained in namespaces made by the program `bwrap`, and by Landlock, with `policy`.
    #[must_use]
    pub const fn bubblewrap(bwrap: PathBuf, policy: SandboxPolicy) -> Self {
        Self { level: SandboxLevel::Bwrap, policy, bwrap }
    }
}

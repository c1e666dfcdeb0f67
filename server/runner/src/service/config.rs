//! What the service has to be told by the server's configuration.
//!
//! Spec: specs/server/runner/service.md

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::git::{GitProgram, Identity};
use crate::sandbox::{SandboxLevel, probe};

/// The runner's settings. [`RunnerConfig::new`] gives sensible ones for a home and a program.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    /// The server's data directory: `runs/`, `workspaces/`, `mirrors/` and `quarantine/` are made in it.
    pub home: PathBuf,
    /// Our own binary, which holds the hidden commands (shim, scripted agent): normally `std::env::current_exe()`.
    pub program: PathBuf,
    /// The command line, `aqctl`, which carries the tools to agents that take no server behind a URL (acp R2).
    pub bridge: Option<PathBuf>,
    /// How agents and test commands are contained.
    pub sandbox: SandboxLevel,
    /// The program `bwrap`; needed by the sandbox level of that name.
    pub bwrap: PathBuf,
    /// A folder in which the server's socket has a name of its own, and nothing else lies: what agents that have a key need to see.
    pub door: Option<PathBuf>,
    /// Signs the runner's commits, and the agents'.
    pub identity: Identity,
    /// The `git` command for the network.
    pub git: GitProgram,
    /// The server's own environment; agents see what the allow-list lets through (runtimes R7).
    pub environment: BTreeMap<String, String>,
    /// Folders of compilers and package managers outside the system's paths, readable for agents.
    pub toolchains: Vec<PathBuf>,
    /// The time zone that agents tell times in, by its IANA name.
    pub zone: String,
    /// Lets agents that run as root bypass permissions (claude R12).
    pub root_bypass: bool,
    /// How long a background task of an agent may hold up the end of its run.
    pub background_wait: Duration,
}

impl RunnerConfig {
    /// Defaults: no sandbox, commits by `Agent Queue`, the `git` of the search path, an empty environment, ten minutes for background tasks.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>, program: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            program: program.into(),
            bridge: None,
            sandbox: SandboxLevel::None,
            bwrap: PathBuf::new(),
            door: None,
            identity: Identity { name: "Agent Queue".to_owned(), email: "agent-queue@localhost".to_owned() },
            git: GitProgram::default(),
            environment: BTreeMap::new(),
            toolchains: Vec::new(),
            zone: "UTC".to_owned(),
            root_bypass: false,
            background_wait: Duration::from_secs(600),
        }
    }
    /// True when agents are held back by us: programs with a sandbox of their own need not use it then.
    pub(super) fn is_contained(&self) -> bool {
        match self.sandbox {
            SandboxLevel::None => false,
            SandboxLevel::Landlock => probe().landlock > 0,
            SandboxLevel::Bwrap => true,
        }
    }
}

//! What stands in a run folder: the order to the shim, what the shim says of itself, and how the run ended.
//!
//! The files outlive versions of the server: unknown fields are ignored, and new fields have defaults (shim R2).
//!
//! Spec: specs/server/runner/shim.md

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use aq_core::runner_link::RunLimits;
use serde::{Deserialize, Serialize};

use crate::process::{ProcessIdentity, boot_id, is_alive};
use crate::sandbox::Sandbox;

/// The version of the run folder's format that this code writes.
pub const FORMAT: u32 = 1;

/// What the agent's standard input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StdinMode {
    /// Nothing: reading ends at once.
    #[default]
    Closed,
    /// Held open by the shim and fed over the control socket until it is told to close it.
    Held,
}

/// The limits that the shim enforces by itself, all in milliseconds or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShimLimits {
    /// Longest run in milliseconds; 0: no limit.
    pub wall_ms: u64,
    /// Longest time without output or input in milliseconds; 0: no limit.
    pub silence_ms: u64,
    /// Most bytes of output that are kept; what comes after is counted and dropped.
    pub output_bytes: u64,
    /// RLIMIT_NPROC of the agent; 0: left as it is. It counts all processes of the user, and does not bind root.
    pub processes: u64,
    /// Time between SIGINT and SIGTERM, and between SIGTERM and the end, when a limit is reached, in milliseconds.
    pub grace_ms: u64,
}

impl Default for ShimLimits {
    fn default() -> Self {
        Self { wall_ms: 4 * 3_600_000, silence_ms: 15 * 60_000, output_bytes: 256 * 1024 * 1024, processes: 0, grace_ms: 10_000 }
    }
}

impl From<RunLimits> for ShimLimits {
    fn from(limits: RunLimits) -> Self {
        let RunLimits { wall_ms, silence_ms, output_bytes, processes, grace_ms } = limits;
        Self { wall_ms, silence_ms, output_bytes, processes, grace_ms }
    }
}

/// The order to a shim, `spec.json`. It holds the agent's credentials and the control key, so it never leaves the run folder.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimSpec {
    /// Version of the run folder's format.
    pub format: u32,
    /// The run's name, `<task>.<number>`.
    pub run: String,
    /// The epoch of the server that launches; later servers have greater ones.
    pub epoch: u64,
    /// The random value that marks every process of the run. Not secret.
    pub mark: String,
    /// The random key that opens the control socket. Secret.
    pub key: String,
    /// The program and its arguments. A name without `/` is looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The agent's whole environment, apart from the two variables that the shim adds itself.
    pub env: BTreeMap<String, String>,
    /// The directory that the agent starts in, absolute.
    pub cwd: PathBuf,
    /// What its standard input is.
    #[serde(default)]
    pub stdin: StdinMode,
    /// Limits.
    #[serde(default)]
    pub limits: ShimLimits,
    /// What it may reach.
    #[serde(default)]
    pub sandbox: Sandbox,
}

impl ShimSpec {
    /// An order with a fresh mark and key, an empty environment, closed standard input, default limits and no sandbox.
    #[must_use]
    pub fn new(run: &str, epoch: u64, argv: Vec<String>, cwd: PathBuf) -> Self {
        let mark: u128 = rand::random();
        let key: [u128; 2] = rand::random();
        Self {
            format: FORMAT,
            run: run.to_owned(),
            epoch,
            mark: format!("{run}.{mark:032x}"),
            key: format!("{:032x}{:032x}", key[0], key[1]),
            argv,
            env: BTreeMap::new(),
            cwd,
            stdin: StdinMode::Closed,
            limits: ShimLimits::default(),
            sandbox: Sandbox::default(),
        }
    }
}

/// Key and environment are left out: this may end in a log.
impl fmt::Debug for ShimSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShimSpec")
            .field("run", &self.run)
            .field("epoch", &self.epoch)
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What a running shim says of itself, `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// Version of the run folder's format.
    pub format: u32,
    /// The run's name.
    pub run: String,
    /// The epoch it was launched under.
    pub epoch: u64,
    /// The mark of its processes.
    pub mark: String,
    /// The shim.
    pub shim: ProcessIdentity,
    /// The agent's leader.
    pub agent: ProcessIdentity,
    /// The boot in which both identities mean something.
    pub boot_id: String,
    /// The control socket.
    pub socket: PathBuf,
    /// The run's control group, when it has one.
    #[serde(default)]
    pub cgroup: Option<PathBuf>,
    /// When the agent was started, in milliseconds since the Unix epoch.
    pub started_at_ms: i64,
}

impl RunFile {
    /// True while the very shim that wrote this file runs.
    #[must_use]
    pub fn is_shim_alive(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot_id) && is_alive(self.shim)
    }
}

/// Which limit ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimedOut {
    /// The longest run.
    Wall,
    /// The longest silence.
    Silence,
}

/// How a run ended, `exit.json`. Written when no process of the run is left, before the shim exits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExitRecord {
    /// Version of the run folder's format.
    pub format: u32,
    /// The run's name.
    pub run: String,
    /// The leader's exit code; `None` when a signal ended it or it never ran.
    pub exit_code: Option<i32>,
    /// The signal that ended the leader.
    pub signal: Option<i32>,
    /// Why the program could not be started, as a sentence with its remedy; then `exit_code` means nothing and is `None`.
    pub spawn_error: Option<String>,
    /// The reason given with the order to stop, when one came before the leader had exited.
    pub stopped_by: Option<String>,
    /// The limit that ended the run.
    pub timed_out: Option<TimedOut>,
    /// Bytes of output that are not in the spool.
    pub dropped_bytes: u64,
    /// Processes that could not be ended; 0 but for processes stuck in the kernel.
    pub leftovers: usize,
    /// What the sandbox achieved, in words.
    pub sandbox: String,
    /// When, in milliseconds since the Unix epoch.
    pub ended_at_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::{ExitRecord, RunFile, ShimLimits, ShimSpec, StdinMode};

    /// Shim R2: files of other versions are understood: unknown fields are ignored, later ones have defaults.
    #[test]
    fn other_versions_are_understood() {
        let spec = r#"{"format":1,"run":"a.1","epoch":2,"mark":"m","key":"k","argv":["x"],"env":{},"cwd":"/","news":[1]}"#;
        let spec: ShimSpec = serde_json::from_str(spec).unwrap();
        assert_eq!((spec.stdin, spec.limits), (StdinMode::Closed, ShimLimits::default()));
        let run = r#"{"format":1,"run":"a.1","epoch":2,"mark":"m","shim":{"pid":1,"start_ticks":2,"news":3},
            "agent":{"pid":1,"start_ticks":2},"boot_id":"b","socket":"/s","started_at_ms":5,"news":{}}"#;
        assert!(!serde_json::from_str::<RunFile>(run).unwrap().is_shim_alive());
        assert_eq!(serde_json::from_str::<ExitRecord>(r#"{"exit_code":3,"news":1}"#).unwrap().exit_code, Some(3));
    }

    /// I-44: neither the key nor the environment is shown; every order has its own key and mark.
    #[test]
    fn an_order_keeps_its_secrets() {
        let mut spec = ShimSpec::new("a.1", 1, vec!["x".to_owned()], "/".into());
        spec.env.insert("ANTHROPIC_API_KEY".to_owned(), "canary".to_owned());
        let shown = format!("{spec:?}");
        assert!(!shown.contains("canary") && !shown.contains(&spec.key), "{shown}");
        let other = ShimSpec::new("a.1", 1, vec!["x".to_owned()], "/".into());
        assert!(spec.key.len() == 64 && spec.key != other.key && spec.mark != other.mark);
    }
}

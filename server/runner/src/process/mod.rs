//! Processes as the kernel shows them: who is who, who descends from whom, and how a whole tree is ended.
//!
//! Nothing here knows what a run is; the shim and the server use it to prove identity and to leave nothing behind.
//!
//! Spec: specs/server/runner/process.md

pub mod cgroup;
pub mod clock;
mod identity;
mod tree;

pub use identity::{ProcessIdentity, Stat, boot_id, is_alive, open_proven, read_stat};
pub use tree::{MARK_VARIABLE, RUN_ID_VARIABLE, descendants, end_marked, kill_pass, marked, signal_proven};

//! The names of the hidden commands that our binaries run themselves with. Who carries them out is asked in `entry`.
//!
//! Spec: specs/server/runner/shim.md

/// `<program> __shim <run-folder>`: be the shim of a run.
pub(crate) const SHIM_COMMAND: &str = "__shim";

/// `<program> __exec <run-folder>`: become the agent of a run.
pub(crate) const EXEC_COMMAND: &str = "__exec";

/// `<program> __inside <image> <order> <note>`: become the agent within the namespaces that were made for it. The words are numbers of open files: the
/// program's own, the run's order, and where to tell how it went.
pub(crate) const INSIDE_COMMAND: &str = "__inside";

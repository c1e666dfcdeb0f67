//! The shim: one tiny process per run that owns the agent's process tree, its standard streams and its limits, and survives the server;
//! and the server's side of it: launch, attach, talk, wait.
//!
//! What the agent says is not understood here (runtimes), nor what it may reach (sandbox).
//!
//! Spec: specs/server/runner/shim.md

mod agent;
mod attach;
mod connection;
mod control;
mod exec;
mod folder;
mod handle;
mod handover;
mod hidden;
mod inside;
mod ladder;
mod launch;
mod lines;
mod note;
mod spec;
mod stdin;
mod supervise;
mod wire;

pub use attach::{Attachment, attach, end_leftovers};
pub use connection::{Connection, Event, TalkError};
pub use folder::{FolderError, RunFolder};
pub use handle::{Lost, Shim};
pub use launch::{LaunchError, ShimProgram, launch};
pub use spec::{ExitRecord, FORMAT, RunFile, ShimLimits, ShimSpec, StdinMode, TimedOut};
pub use wire::{Refusal, StdinReceipt};

pub(crate) use exec::stage as exec_stage;
pub(crate) use hidden::{EXEC_COMMAND, INSIDE_COMMAND, SHIM_COMMAND};
pub(crate) use inside::stage as inside_stage;
pub(crate) use supervise::run as supervise;

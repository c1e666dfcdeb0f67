//! What an agent may reach: files, ports, other processes; and what it is told through its environment.
//!
//! Resource limits and the process tree are the shim's.
//!
//! Spec: specs/server/runner/sandbox.md

mod bubble;
mod enforce;
mod environment;
mod policy;

pub(crate) use bubble::enter;
pub use bubble::try_out;
pub use enforce::{Support, probe};
pub use environment::AgentEnvironment;
pub use policy::{Places, Sandbox, SandboxLevel, SandboxPolicy};

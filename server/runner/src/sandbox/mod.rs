//! What an agent may reach: files, ports, other processes; and what it is told through its environment.
//!
//! Resource limits and the process tree are the shim's.
//!
//! Spec: specs/server/runner/sandbox.md

mod enforce;
mod environment;
mod policy;

pub use enforce::{Support, probe};
pub use environment::AgentEnvironment;
pub use policy::{Places, Sandbox, SandboxLevel, SandboxPolicy};

//! The tools for assistants, in the Model Context Protocol: over HTTP on this machine, and message by message for the bridge.
//!
//! What tools there are lives in `tools`; how runs are given this server in `orchestrator`.
//!
//! Reading order: `handler`, `desk`, `listener`, `http`.
//!
//! Spec: specs/server/mcp.md

mod desk;
mod handler;
mod http;
mod listener;

pub use desk::Desk;
pub use listener::{Listener, bind};

//! Plain HTTP for programs of this machine: a listener that other machines cannot reach, and its connections.
//!
//! What is answered, and to whom, is the business of who serves: assistants (`mcp`), figures (`metrics`).
//!
//! Spec: specs/server/loopback.md

mod host;
mod listener;
mod serving;

pub use host::is_local;
pub use listener::{ListenError, Listener, open};
pub use serving::{Answer, Bounds, serve};

//! The Agent Client Protocol: any agent that speaks it, over JSON-RPC on standard input and output.
//!
//! Also used by the runtimes whose programs are driven over the protocol in some modes. Not here: how those are started.
//!
//! Spec: specs/server/runner/acp.md

mod answers;
mod choices;
mod closing;
mod facts;
mod handshake;
mod launch;
mod messages;
mod normalize;
mod outcome;
mod permissions;
mod replies;
mod state;
mod tools;
mod turns;
mod updates;
mod wanted;
mod wire;

pub use launch::Acp;
pub(in crate::runtimes) use launch::{frames, normalizer, restore};
pub(in crate::runtimes) use wanted::Wanted;

//! The transport: listeners, what every call passes through, streams, health, reflection, draining.
//!
//! A call passes, from outside to inside: `call` (id, log, panics), `overload`, `deadline`, `auth` (key → principal), `witness` (refusals),
//! `permissions`,
//! `rate`, `call_limit`, `stream_limit`, then its service. What a call does lives in `api`; nothing here knows the store or a command.
//!
//! Reading order: `options`, `server`, `listener`, the layers in the order above, `stream`.
//!
//! Spec: specs/server/grpc.md

mod auth;
mod bad_keys;
mod call;
mod call_limit;
mod deadline;
mod health;
mod io;
mod line;
mod listener;
mod middleware;
mod options;
mod overload;
mod permissions;
mod rate;
mod reflection;
mod refusal;
mod server;
mod shares;
mod sparing;
mod stream_limit;
mod witness;

pub use auth::{KeyStore, KeyStoreUnavailable, principal_of};
pub use call::CallId;
pub use health::Health;
pub use io::Peer;
pub use listener::{ListenError, Listeners, bind};
pub use options::{GrpcOptions, MAX_DECODED_BYTES, MAX_ENCODED_BYTES, TcpOptions, TlsIdentity};
pub use permissions::Permissions;
pub use server::{Gate, ServeError, serve};
pub use witness::Witness;

pub use crate::api::stream;

#[cfg(test)]
mod tests;

//! What the gateway asks of the server: calls for a person, calls of its own, and the records that the server keeps for it.
//!
//! Spec: specs/discord-gateway/README.md

mod calls;
mod records;
#[cfg(test)]
pub(crate) mod stand;

pub(crate) use calls::{Backend, passes, sentence};
pub(crate) use records::{CONSUMER, RunRecord};

//! Who may do what: the lists of the configuration, turned into a role of the server for each person. Deny by default.
//!
//! Spec: specs/discord-gateway/trust.md

mod access;

pub(crate) use access::{Access, List, Person, Role, Where};

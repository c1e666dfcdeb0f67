//! Where a message goes: which channel belongs to which project, which thread to which run, and whether a message is for us at all. Pure.
//!
//! Spec: specs/discord-gateway/routing.md

mod channels;
mod guard;
mod recent;

pub(crate) use channels::{Channels, Links};
pub(crate) use guard::{Heard, Place, Verdict, judge, stripped};
pub(crate) use recent::Recent;

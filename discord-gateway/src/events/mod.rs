//! The server's events: followed with a durable place, handled in order within a project, told once.
//!
//! Spec: specs/discord-gateway/events.md

mod follow;
mod handle;
mod post;
mod questions;
mod watermark;

pub(crate) use follow::{FollowError, follow};

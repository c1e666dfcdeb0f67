//! The desk: looks at repositories, and acts in them, for people.
//!
//! Not here: what runs need (prepare, collect, land), pull requests.
//!
//! Spec: specs/server/runner/desk.md

mod acts;
mod changes;
mod checkouts;
mod export;
mod link;
mod looks;
mod merging;
mod texts;

pub use link::Desk;

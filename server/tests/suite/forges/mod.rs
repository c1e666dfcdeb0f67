//! GitHub's client against a strict GitHub of our own on loopback.

mod fake;
mod github;
mod roots;

pub(crate) use fake::{Canned, FakeGitHub};

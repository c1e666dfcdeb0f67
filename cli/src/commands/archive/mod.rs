//! `aqctl archive`: finished tasks leave the lists and come back.
//!
//! Spec: specs/cli/commands.md

mod add;
mod list;
mod restore;
mod settings;
mod verb;

pub(crate) use verb::Verb;
pub(super) use verb::run;

//! Slash commands: one table of what there is, one file for each noun.
//!
//! Spec: specs/discord-gateway/commands.md

mod agent;
mod catalogue;
mod channel;
mod complete;
mod figures;
mod git;
mod hook;
mod note;
mod options;
mod overview;
mod project;
mod register;
mod run;
mod task;
mod task_edit;

pub(crate) use complete::complete;
pub(crate) use project::delete_project;
pub(crate) use register::register;
pub(crate) use run::run;

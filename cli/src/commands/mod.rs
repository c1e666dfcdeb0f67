//! What each command does: one verb per file, its arguments beside it. `dispatch` leads from the arguments to the verb.
//!
//! Spec: specs/cli/commands.md

pub(crate) mod account;
pub(crate) mod agent;
pub(crate) mod answer;
pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod budget;
pub(crate) mod chain;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod diff;
mod dispatch;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod follow;
pub(crate) mod forecast;
pub(crate) mod git;
pub(crate) mod grant;
pub(crate) mod health;
pub(crate) mod hook;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod limits;
pub(crate) mod logs;
pub(crate) mod mcp;
pub(crate) mod messages;
pub(crate) mod note;
pub(crate) mod paging;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod prompt;
pub(crate) mod questions;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod say;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod task;
pub(crate) mod usage;
pub(crate) mod values;
pub(crate) mod watch;
pub(crate) mod workspace;

pub(crate) use dispatch::run;

//! Messages of the contract as text for people: pure functions of the message and a [`Look`](crate::look::Look).
//!
//! `table`, `sheet`, `time` and `amount` are the tools; the other files have one noun each.
//!
//! Spec: specs/cli/rendering.md

pub(crate) mod account;
pub(crate) mod agent;
pub(crate) mod amount;
pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod budget;
pub(crate) mod chain;
pub(crate) mod chat;
pub(crate) mod event;
pub(crate) mod finding;
pub(crate) mod forecast;
pub(crate) mod git;
pub(crate) mod grant;
pub(crate) mod hook;
pub(crate) mod key;
pub(crate) mod limits;
pub(crate) mod message;
pub(crate) mod note;
pub(crate) mod outcome;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod prompt;
pub(crate) mod question;
pub(crate) mod run;
pub(crate) mod sheet;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod task;
pub(crate) mod task_detail;
pub(crate) mod time;
pub(crate) mod tone;
pub(crate) mod tree;
pub(crate) mod usage;
pub(crate) mod workspace;

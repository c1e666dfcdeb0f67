//! The pure domain of Agent Queue: what a task is, how it moves, who runs next, what an agent said.
//!
//! Nothing here reads a clock, a disk, the environment or a socket. Every decision is a function of its arguments, so that
//! the same input always gives the same answer and each rule can be tested by a table or a property.
//!
//! Reading order: `ids`, `time`, `task`, `project`, `agent`, `run`, `event`, `schedule`, `budget`, `explain`, `output`, `runner_link`, `chat`.
//!
//! Spec: specs/server/core/README.md

pub mod account;
pub mod agent;
pub mod audit;
pub mod budget;
pub mod chat;
pub mod event;
pub mod explain;
pub mod git_link;
pub mod hook;
pub mod ids;
pub mod limits;
pub mod names;
pub mod note;
pub mod output;
pub mod plan;
pub mod principal;
pub mod profile;
pub mod project;
pub mod prompt;
pub mod render;
pub mod retention;
pub mod run;
pub mod runner_link;
pub mod runtime;
pub mod schedule;
pub mod task;
pub mod text_enum;
pub mod time;
pub mod window;
pub mod workspace;

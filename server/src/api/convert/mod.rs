//! From the domain to the wire. What is stored or known, never how it was found.
//!
//! Spec: specs/server/api.md

mod account;
mod admin;
mod agent;
mod chat;
mod event;
mod git;
mod hook;
mod message;
mod plan;
mod project;
mod run;
mod task;
mod words;
mod workspace;

pub(super) use account::{account, of_runtime};
pub(super) use admin::{api_key, audit_record, status_counts};
pub(super) use agent::agent;
pub(super) use chat::told;
pub(super) use event::event;
pub(super) use git::{branch, changes, checkout, commit, forecast};
pub(super) use hook::{hook, hook_run};
pub(super) use message::message;
pub(super) use plan::{plan, plan_state, reading};
pub(super) use project::project;
pub(super) use run::run;
pub(super) use task::{TaskExtra, link, task, task_ref};
pub(super) use words::{block_reason, failure_class, runtime, task_status, timestamp};
pub(super) use workspace::workspace;

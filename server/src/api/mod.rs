//! The calls of the contract, one function each: authorise, convert in, call, convert out.
//!
//! What a command does lives in `commands`; listeners and what every call passes through in `grpc`.
//!
//! Reading order: `permissions`, `service`, `status`, `incoming`, `page`, `idempotency`, then the services and `convert`.
//!
//! Spec: specs/server/api.md

mod about;
mod accounts;
mod admin;
mod agents;
mod asking;
mod assistants;
mod audit;
mod backups;
mod budgets;
mod chats;
mod cleansing;
mod convert;
mod event_stream;
mod events;
mod explain;
mod forecast;
mod git;
mod git_acts;
mod git_pulls;
mod grants;
mod hook_fields;
mod hooks;
mod idempotency;
mod incoming;
mod inside;
mod keys;
mod last_reports;
mod limits;
mod notes;
mod output_stream;
mod page;
mod permissions;
mod plans;
mod ports;
mod progress;
mod projects;
mod prompts;
mod proposals;
mod refusals;
mod routes;
mod runs;
mod service;
mod status;
pub mod stream;
mod talk;
mod task_archive;
mod task_chain;
mod task_control;
mod task_fields;
mod task_outcomes;
mod task_reads;
mod tasks;
mod turn;
mod usage;
mod views;
mod workspaces;

pub use assistants::MAX_MESSAGE;
pub use idempotency::KEPT_MS as REQUESTS_KEPT_MS;
pub use inside::{Inside, Refused};
pub use keys::KeyRing;
pub use permissions::{Call, TABLE as PERMISSIONS};
pub use ports::{Assistants, Ending, RepositoryCheck, RepositoryRefused, ServerFacts};
pub use service::{Api, Parts};
pub use talk::{Ask, Digest, Summary, Talk, TalkError, Told};

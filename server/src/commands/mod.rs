//! What callers may ask for: checked, done in one transaction, told as events. Every function runs inside the writer.
//!
//! Whether a caller may call at all is decided in `api`; how tasks move in `lifecycle`; what runs next in `orchestrator`.
//!
//! Spec: specs/server/commands.md

pub mod accounts;
pub mod agents;
pub mod archive;
pub mod asking;
pub mod budgets;
pub mod check;
mod context;
pub mod control;
pub mod create;
pub mod edit;
mod error;
pub mod grants;
pub mod hook_runs;
pub mod hooks;
pub mod keys;
pub mod plans;
pub mod progress;
pub mod projects;
pub mod propose;
pub mod questions;
pub mod repair;
pub mod system;
mod trail;
pub mod workspaces;

pub use context::{Context, agent, project, task};
pub use error::{CommandError, Violation};
pub use trail::{About, Trail};

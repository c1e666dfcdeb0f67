//! The store: one query code for SQLite and PostgreSQL, one writer, readers apart.
//!
//! One file per table family: its rows, its conversions, its queries. Rules about when a row may change live in `lifecycle` and
//! `commands`; what holds for every row is a constraint of the schema.
//!
//! Spec: specs/server/store.md

pub mod accounts;
pub mod agents;
pub mod api_keys;
pub mod approvals;
pub mod archive;
mod aside;
pub mod attachments;
pub mod audit;
mod blocking;
pub mod chains;
mod columns;
mod connection;
pub mod consumers;
pub mod dependencies;
pub mod dependents;
pub mod details;
mod dialect;
mod error;
pub mod events;
pub mod forecasts;
pub mod grants;
pub mod hook_runs;
pub mod hooks;
pub mod invariants;
mod kept;
pub mod ledger;
pub mod messages;
mod migrate;
mod partial;
pub mod paused;
pub mod plans;
pub mod projects;
pub mod questions;
mod reader;
pub mod reader_records;
pub mod removal;
pub mod requests;
pub mod retention;
pub mod runs;
mod schema;
mod secrets;
pub mod settings;
pub mod task_figures;
pub mod task_lists;
mod task_row;
pub mod task_trees;
pub mod tasks;
pub mod tree_use;
pub mod usage;
pub mod usage_groups;
pub mod workspaces;
mod writer;

pub use api_keys::{ApiKey, SecretHash};
pub use aside::{HeldRun, Readable, set_aside};
pub use audit::AuditQuery;
pub use connection::DatabaseUrl;
pub use consumers::Consumer;
pub use dependencies::{Edges, TaskLink};
pub use dependents::Promoted;
pub use dialect::{Connection, Dialect, Touched};
pub use error::StoreError;
pub use events::EventQuery;
pub use grants::{GrantRecord, GrantScope};
pub use hook_runs::HookRunRecord;
pub use ledger::LedgerEntry;
pub use messages::MessageRecord;
pub use migrate::{Migrated, backup, copy, open_copy, open_leading, open_migrated};
pub use plans::{PlanLine, PlanRecord};
pub use questions::{GivenAnswer, QuestionRecord};
pub use reader::Reader;
pub use requests::RecordedRequest;
pub use runs::{RunCursor, RunPage, RunQuery, RunRecord};
pub use secrets::{NewKey, new_key};
pub use task_lists::{Archived, Finished, TaskCursor, TaskOrder, TaskPage, TaskQuery};
pub use task_trees::{StuckTask, TaskTree, TreeNode};
pub use tasks::{TaskRecord, TaskWish};
pub use usage::{Usage, UsageLine};
pub use usage_groups::UsageOf;
pub use writer::{State, Tx, Writer, WriterThread};

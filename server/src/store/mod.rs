//! The store: one query code for SQLite and PostgreSQL, one writer, readers apart.
//!
//! One file per table family: its rows, its conversions, its queries. Rules about when a row may change live in `lifecycle` and
//! `commands`; what holds for every row is a constraint of the schema.
//!
//! Spec: specs/server/store.md

pub mod agents;
pub mod attachments;
mod columns;
mod connection;
pub mod dependencies;
mod dialect;
mod error;
pub mod events;
pub mod ledger;
mod migrate;
pub mod projects;
pub mod questions;
mod reader;
pub mod runs;
mod schema;
pub mod settings;
pub mod tasks;
pub mod workspaces;
mod writer;

pub use connection::DatabaseUrl;
pub use dialect::{Connection, Dialect};
pub use error::StoreError;
pub use ledger::LedgerEntry;
pub use migrate::{Migrated, backup, open_migrated};
pub use questions::QuestionRecord;
pub use reader::Reader;
pub use runs::RunRecord;
pub use tasks::{Promoted, TaskRecord};
pub use writer::{State, Tx, Writer, WriterThread};

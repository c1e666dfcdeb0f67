//! Tests of the server through its public parts, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agent_faults;
mod api;
mod approvals;
mod archive;
mod aside;
mod belongings;
mod budgets;
mod capacity;
mod chains;
mod chat;
mod chat_models;
mod config_text;
mod conservation;
mod events;
mod exits;
mod figures;
mod forges;
mod guards;
mod harness;
mod history;
mod hooks;
mod isolation;
mod lanes;
mod lifecycle;
mod limits;
mod mcp;
#[path = "../../core/tests/fuzz/mutate.rs"]
mod mutate;
mod output;
mod plans;
mod retention;
mod reviews;
mod served;
mod simulator;
mod store;
mod talk;
mod tidy;
mod tools;
mod week;
mod world;

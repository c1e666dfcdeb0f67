//! One file for each section of the configuration: its keys, defaults and ranges.
//!
//! Spec: specs/server/config.md

mod accounts;
mod agents;
mod archive;
mod auto_task;
mod budgets;
mod chat;
mod database;
mod git;
mod hooks;
mod logging;
mod mcp;
mod metrics;
mod monitoring;
mod pause_retry;
mod questions;
mod retention;
mod runtimes;
mod scheduling;
mod server;
mod traces;

pub use accounts::{Account, Login};
pub use agents::{Agents, PredefinedAgent, SandboxLevel};
pub use archive::Archive;
pub use auto_task::AutoTask;
pub use budgets::{BudgetPeriod, Budgets};
pub use chat::{Chat, ChatProvider, ChatProviderKind, LlmLogging};
pub use database::{Database, DatabaseUrl};
pub use git::Git;
pub use hooks::HookEngine;
pub use logging::{LogFormat, Logging};
pub use mcp::Mcp;
pub use metrics::Metrics;
pub use monitoring::Monitoring;
pub use pause_retry::PauseRetry;
pub use questions::Questions;
pub use retention::Retention;
pub use runtimes::{CliRuntime, CommandProfile, Runtimes};
pub use scheduling::Scheduling;
pub use server::{Server, TlsFiles};
pub use traces::Traces;

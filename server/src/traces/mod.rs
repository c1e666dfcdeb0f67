//! Traces: what became of each task, as spans for a collector that speaks OpenTelemetry, made of committed events and the output of runs.
//!
//! Nothing here decides anything, and nobody waits for it. Figures live in `metrics`, logs in `telemetry`; who starts this, and hands agents the
//! context, is `app`.
//!
//! Reading order: `ids`, `spans`, `calls`, `history`, `watch`, `follow`, `outbox`, `exporter`.
//!
//! Spec: specs/server/traces.md

mod calls;
mod exporter;
mod follow;
mod history;
mod ids;
mod outbox;
mod spans;
mod watch;

pub use exporter::{ExporterError, exporter};
pub use follow::{Follower, Models, Sources};
pub use ids::TraceIds;
pub use outbox::{Inbox, Outbox, outbox};

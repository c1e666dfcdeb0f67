//! Figures for monitoring: counted from committed events, answered calls and the figures of the writer, told in the OpenMetrics text format.
//!
//! Nothing here decides anything. What a person is told about budgets and limits lives in `api`; logs in `telemetry`.
//!
//! Reading order: `meters`, `calls`, `state`, `follow`, `lag`, `http`.
//!
//! Spec: specs/server/metrics.md

mod calls;
mod follow;
mod http;
mod lag;
mod meters;
mod state;

pub use calls::CallMeters;
pub use follow::follow;
pub use http::serve;
pub use lag::watch_lag;
pub use meters::Meters;
pub use state::Sources;

//! Budgets: how many model tokens may be spent, by a run, a task with its descendants, a project, everything.
//!
//! Sums over time live in `window`; a provider's own limits live in `account`.
//!
//! Spec: specs/server/core/budget.md

mod alarm;
mod limits;
mod rate_window;
mod share;
mod warning;

pub use alarm::Alarm;
pub use limits::{BudgetPeriod, BudgetScope, BudgetStop, Budgets, Uses, exhausted, opens_at, window_start};
pub use rate_window::{RateLimitWindow, RatePeriod};
pub use share::{Share, shares};
pub use warning::{BudgetWarning, WARNING_LEVELS, warning_text};

//! What a project used lately: tokens, completions and failures within the rolling window, and what a run usually costs.

use aq_core::run::RunResult;
use aq_core::time::Timestamp;
use aq_core::window::RollingSum;

/// Weight of the newest run in the running mean of costs.
const NEWEST: f64 = 0.25;

/// Default of the rolling window: 24 hours.
pub const DEFAULT_SPAN_MS: i64 = 24 * 3_600_000;

/// A project's usage within the rolling window.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Model tokens spent.
    pub tokens: RollingSum,
    /// Tasks completed.
    pub completed: RollingSum,
    /// Runs failed.
    pub failed: RollingSum,
    /// Running mean of a run's cost in tokens; 0 when nothing is known.
    pub mean_cost: f64,
}

impl Usage {
    /// An empty window of `span_ms` milliseconds.
    #[must_use]
    pub fn new(span_ms: i64) -> Self {
        Self { tokens: RollingSum::new(span_ms), completed: RollingSum::new(span_ms), failed: RollingSum::new(span_ms), mean_cost: 0.0 }
    }

    /// The sum that a run with this result counts in, if any.
    pub(super) fn ended(&mut self, result: RunResult) -> Option<&mut RollingSum> {
        match result {
            RunResult::Done | RunResult::Kept | RunResult::NoOp | RunResult::NeedsReview => Some(&mut self.completed),
            RunResult::Failed => Some(&mut self.failed),
            RunResult::InReview | RunResult::Limited | RunResult::Asked | RunResult::Stopped | RunResult::NotLanded => None,
        }
    }

    /// A run ended that cost `tokens`.
    pub fn run_cost(&mut self, tokens: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a mean of token counts needs no more than 52 bits")]
        let cost = tokens as f64;
        self.mean_cost = if self.mean_cost == 0.0 { cost } else { self.mean_cost.mul_add(1.0 - NEWEST, cost * NEWEST) };
    }

    /// What the next run is expected to cost, in tokens.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the mean of unsigned counts is never negative")]
    pub fn expected(&self) -> u64 {
        self.mean_cost as u64
    }

    /// Tokens spent in the window that ends at `now`.
    #[must_use]
    pub fn tokens_at(&self, now: Timestamp) -> u64 {
        self.tokens.sum(now)
    }
}

//! The decision for one account, from the evidence about its windows and what runs on it.

use super::policy::AccountPolicy;
use crate::account::{Account, LimitWindow};
use crate::output::LimitStatus;
use crate::time::Timestamp;

/// What runs on the account, in parts of one window (0.0 to 1.0) where costs are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Open runs.
    pub running: u32,
    /// What the open runs are still expected to use.
    pub expected_rest: f64,
    /// What one more run is expected to use.
    pub expected_next: f64,
}

/// Why nothing may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateReason {
    /// An operator paused the account.
    Paused,
    /// The provider refuses.
    Limit,
    /// The owner's quiet hours.
    Quiet,
    /// The part that the owner keeps for himself, or the threshold he set, is reached.
    Reserve,
    /// What runs is expected to use up the window.
    Draining,
    /// The window has just opened; the first run has not shown yet that it takes work again.
    Probing,
}

/// May something start on the account?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Yes, one run: it shows whether the window is open again.
    OpenForProbe,
    /// No.
    Closed {
        /// Why.
        reason: GateReason,
        /// When to look again at the latest; `None`: when a run ends or a person acts.
        until: Option<Timestamp>,
    },
}

impl Gate {
    /// True when one more run may start.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::OpenForProbe)
    }
}

/// Decides for one account at `now`; `minute` is the minute of the day in the owner's zone (limits R1 to R4).
#[must_use]
pub fn gate(account: &Account, policy: &AccountPolicy, load: &Load, now: Timestamp, minute: u16) -> Gate {
    if account.paused {
        return Gate::Closed { reason: GateReason::Paused, until: None };
    }
    if let Some(until) = account.closed_until(now) {
        return Gate::Closed { reason: GateReason::Limit, until: Some(until) };
    }
    if let Some(left) = policy.quiet.iter().filter_map(|quiet| quiet.minutes_left(minute)).max() {
        return Gate::Closed { reason: GateReason::Quiet, until: Some(now.plus_millis(i64::from(left) * 60_000)) };
    }
    let most = (1.0 - account.reserve.clamp(0.0, 1.0)).min(policy.stop_at.unwrap_or(1.0));
    let fullest = account.windows.iter().filter_map(|window| Some((window.used_at(now)?, window))).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((used, window)) = fullest {
        let until = window.resets_at.filter(|reset| *reset > now);
        if used >= most {
            return Gate::Closed { reason: GateReason::Reserve, until };
        }
        // Alone a run may always try: then at most one session is cut, and a window never stays unused for a wrong estimate.
        if load.running > 0 && used + load.expected_rest + load.expected_next > most {
            return Gate::Closed { reason: GateReason::Draining, until };
        }
    }
    if account.windows.iter().any(|window| is_unproven(window, now)) {
        return match load.running {
            0 => Gate::OpenForProbe,
            _ => Gate::Closed { reason: GateReason::Probing, until: None },
        };
    }
    Gate::Open
}

/// True for a window that was refused, should be open again, and of which nothing has been heard since.
fn is_unproven(window: &LimitWindow, now: Timestamp) -> bool {
    window.status == LimitStatus::Rejected && window.closed_until(now).is_none()
}

//! The decision for one account, from the evidence about its windows, the owner's wishes and what runs on it.

use crate::account::{Account, LimitWindow};
use crate::output::LimitStatus;
use crate::text_enum::text_enum;
use crate::time::Timestamp;

/// What runs on the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Open runs whose agent works.
    pub running: u32,
    /// Open runs that wait for a person; they use nothing meanwhile.
    pub waiting: u32,
    /// When the newest of those that work was ordered; `None`: none does.
    pub newest_start: Option<Timestamp>,
    /// What the open runs are still expected to use, in model tokens.
    pub expected_rest: u64,
    /// What one more run is expected to use, in model tokens.
    pub expected_next: u64,
}

impl Load {
    /// All open runs.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.running.saturating_add(self.waiting)
    }
}

text_enum! {
    /// Why nothing may start.
    GateReason, "gate reason" {
        /// An operator paused the account.
        Paused = "paused",
        /// The provider refuses.
        Limit = "limit",
        /// The owner's quiet hours.
        Quiet = "quiet",
        /// The part that the owner keeps for himself, or the threshold he set, is reached.
        Reserve = "reserve",
        /// What runs is expected to use up the window.
        Draining = "draining",
        /// The window has just opened; the first run has not shown yet that it takes work again.
        Probing = "probing",
        /// It has as many runs as its owner allows at once.
        Full = "full",
        /// Not the account: the agent itself cannot work.
        Fault = "fault",
    }
}

/// A closed account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Why.
    pub reason: GateReason,
    /// When to look again at the latest; `None`: when a run ends or a person acts.
    pub until: Option<Timestamp>,
}

/// May something start on the account?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Yes, one run: it shows whether the window is open again.
    OpenForProbe,
    /// No.
    Closed(Closed),
}

impl Gate {
    /// True when one more run may start.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::OpenForProbe)
    }

    /// Why not.
    #[must_use]
    pub const fn closed(self) -> Option<Closed> {
        match self {
            Self::Closed(closed) => Some(closed),
            Self::Open | Self::OpenForProbe => None,
        }
    }
}

const fn shut(reason: GateReason, until: Option<Timestamp>) -> Gate {
    Gate::Closed(Closed { reason, until })
}

/// The used part of a window from which nothing starts at `now`, and until when this bound holds at the latest (`None`: as long as nobody
/// changes it).
pub(super) fn most_at(account: &Account, now: Timestamp) -> (f64, Option<Timestamp>) {
    let stop_at = account.policy.stop_at.unwrap_or(1.0).clamp(0.0, 1.0);
    let kept = 1.0 - account.reserve.clamp(0.0, 1.0);
    let (reserved, until) = account.policy.reserved_until(now);
    if reserved && kept < stop_at { (kept, until) } else { (stop_at, None) }
}

/// Decides for one account and work of `model` at `now` (limits R1 to R6). An empty model may be any.
#[must_use]
pub fn gate(account: &Account, load: &Load, now: Timestamp, model: &str) -> Gate {
    if account.paused {
        return shut(GateReason::Paused, None);
    }
    if let Some(until) = account.closed_for(model, now) {
        return shut(GateReason::Limit, Some(until));
    }
    if let Some(until) = account.policy.quiet_until(now) {
        return shut(GateReason::Quiet, Some(until));
    }
    let (most, holds_until) = most_at(account, now);
    let covering = || account.windows.iter().filter(|window| window.covers(model));
    // Of several windows over the bound the one that opens last counts.
    let over: Vec<_> = covering().filter(|window| window.used_at(now).is_some_and(|used| used >= most)).collect();
    if !over.is_empty() {
        let reset = over.iter().map(|window| window.believed_until()).max();
        let until = match (reset, holds_until) {
            (Some(reset), Some(hours)) => Some(reset.min(hours)),
            (reset, hours) => reset.or(hours),
        };
        return shut(GateReason::Reserve, until);
    }
    // Alone a run may always try: then at most one session is cut, and a window never stays unused for a wrong estimate.
    if load.running > 0
        && let Some(room) = room(account, load, now, model)
        && load.expected_next > room.left
    {
        return shut(GateReason::Draining, room.resets_at);
    }
    // Only a run that began after the reset shows anything; older ones may have hours of their own work before the next message.
    let unproven = || covering().filter_map(|window| unproven_since(window, now));
    if let Some(since) = unproven().max() {
        let probed = load.running > 0 && load.newest_start.is_none_or(|start| start >= since);
        return if probed { shut(GateReason::Probing, None) } else { Gate::OpenForProbe };
    }
    Gate::Open
}

/// What an account still offers beside what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Model tokens that are expected to fit.
    pub left: u64,
    /// When the window that says so resets, when known.
    pub resets_at: Option<Timestamp>,
    /// What this window offers when it has been reset, in model tokens.
    pub size: u64,
    /// Its length in milliseconds, when its name tells.
    pub span_ms: Option<i64>,
}

/// How many more tokens of `model` can be expected to fit beside what runs: the window with the least room says it; `None` while no window's size is
/// known (limits R3).
#[must_use]
pub fn room(account: &Account, load: &Load, now: Timestamp, model: &str) -> Option<Room> {
    let most = most_at(account, now).0;
    let windows = account.windows.iter().filter(|window| window.covers(model));
    let rooms = windows.filter_map(|window| {
        Some(Room {
            left: window.meter.tokens_of(most - window.used_at(now)?)?.saturating_sub(load.expected_rest),
            resets_at: window.resets_at.filter(|reset| *reset > now),
            size: window.meter.tokens_of(most)?,
            span_ms: super::span::span_of(&window.name),
        })
    });
    rooms.min_by_key(|room| room.left)
}

/// Since when a window should be open again that was refused and of which nothing has been heard since; `None` for any other.
fn unproven_since(window: &LimitWindow, now: Timestamp) -> Option<Timestamp> {
    let refused = window.status == LimitStatus::Rejected && !super::is_throttle(&window.name, window.resets_at);
    (refused && window.closed_until(now).is_none()).then(|| window.reset())
}

/// What a closed gate means, as one sentence without its instant.
#[must_use]
pub const fn sentence(reason: GateReason) -> &'static str {
    match reason {
        GateReason::Paused => "The account is paused: resume it",
        GateReason::Limit => "The account's limit is reached",
        GateReason::Quiet => "The account's quiet hours hold",
        GateReason::Reserve => "What its owner keeps of the account's window is reached",
        GateReason::Draining => "What runs on the account is expected to use up its window",
        GateReason::Fault => "The agents that could take it cannot work: mend what they name and resume them",
        GateReason::Full => "The account has as many runs as it may have at once",
        GateReason::Probing => "The account has just been reset; a first run shows whether it takes work again",
    }
}

//! How a run ends: polite signals first, then the certain end, then a last look. Time and findings come in, the next step goes out.
//!
//! Spec: specs/server/runner/shim.md

use std::time::{Duration, Instant};

/// After the leader's own exit, others get this long to end by themselves (the tail of a pipeline, for example).
const SETTLE: Duration = Duration::from_millis(250);

/// Longest time spent killing. Only a process stuck in the kernel outlasts it.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Longest time to read what is left in the pipes once everybody is gone.
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);

/// How soon to look again in the last phases.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Where the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Interrupted { until: Instant },
    Terminated { until: Instant },
    Settling { until: Instant },
    Killing { empty: u8, give_up: Instant },
    Draining { until: Instant },
    Done,
}

/// What the supervisor should do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until something happens or the time comes.
    Wait,
    /// SIGTERM to the leader's group.
    Terminate,
    /// One kill pass; report what it found with [`Ladder::killed`].
    Kill,
    /// It is over.
    Finish,
}

/// What the ladder needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) now: Instant,
    pub(super) leader_ended: bool,
    /// False when no process below the shim is left.
    pub(super) has_children: bool,
    pub(super) pipes_open: bool,
}

/// The ladder of one run.
#[derive(Debug)]
pub(super) struct Ladder {
    phase: Phase,
    grace: Duration,
    /// How many the last kill pass found.
    found: usize,
}

impl Ladder {
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Running, grace: Duration::ZERO, found: 0 }
    }

    /// Starts the ladder; true when SIGINT is to be sent now. Asked again, it never becomes slower: a shorter grace counts from now,
    /// and zero means the end at once.
    pub(super) fn stop(&mut self, now: Instant, grace: Duration) -> bool {
        match &mut self.phase {
            Phase::Running if grace.is_zero() => self.phase = Self::killing(now),
            Phase::Running => {
                self.grace = grace;
                self.phase = Phase::Interrupted { until: now + grace };
                return true;
            }
            Phase::Interrupted { .. } | Phase::Terminated { .. } if grace.is_zero() => self.phase = Self::killing(now),
            Phase::Interrupted { until } | Phase::Terminated { until } => {
                self.grace = self.grace.min(grace);
                *until = (*until).min(now + grace);
            }
            _ => {}
        }
        false
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    /// Processes that outlasted everything.
    pub(super) const fn leftovers(&self) -> usize {
        self.found
    }

    fn killing(now: Instant) -> Phase {
        Phase::Killing { empty: 0, give_up: now + KILL_PATIENCE }
    }

    /// The next step.
    pub(super) fn step(&mut self, view: View) -> Step {
        let View { now, leader_ended, has_children, pipes_open } = view;
        loop {
            self.phase = match self.phase {
                Phase::Running if leader_ended => Phase::Settling { until: now + SETTLE },
                Phase::Running => return Step::Wait,
                Phase::Interrupted { .. } | Phase::Terminated { .. } if leader_ended => Self::killing(now),
                Phase::Interrupted { until } if now >= until => {
                    self.phase = Phase::Terminated { until: now + self.grace };
                    return Step::Terminate;
                }
                Phase::Terminated { until } if now >= until => Self::killing(now),
                Phase::Settling { until } if !has_children || now >= until => Self::killing(now),
                Phase::Interrupted { .. } | Phase::Terminated { .. } | Phase::Settling { .. } => return Step::Wait,
                Phase::Killing { empty, give_up } if empty >= 2 || now >= give_up => Phase::Draining { until: now + DRAIN_PATIENCE },
                Phase::Killing { .. } => return Step::Kill,
                Phase::Draining { until } if !pipes_open || now >= until => Phase::Done,
                Phase::Draining { .. } => return Step::Wait,
                Phase::Done => return Step::Finish,
            };
        }
    }

    /// True when the last kill pass found nobody.
    pub(super) const fn was_empty(&self) -> bool {
        matches!(self.phase, Phase::Killing { empty, .. } if empty > 0)
    }

    /// What a kill pass found: two empty ones in a row end the phase.
    pub(super) const fn killed(&mut self, found: usize) {
        self.found = found;
        if let Phase::Killing { empty, .. } = &mut self.phase {
            *empty = if found == 0 { *empty + 1 } else { 0 };
        }
    }

    /// How long the supervisor may sleep when nothing happens; `None`: as long as it likes.
    pub(super) fn patience(&self, now: Instant) -> Option<Duration> {
        match self.phase {
            Phase::Running => None,
            Phase::Interrupted { until } | Phase::Terminated { until } => Some(until.saturating_duration_since(now)),
            Phase::Settling { .. } | Phase::Killing { .. } | Phase::Draining { .. } => Some(LOOK_AGAIN),
            Phase::Done => Some(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ladder, Step, View};
    use crate::process::clock::monotonic;

    const GRACE: Duration = Duration::from_secs(5);

    /// Shim R8: interrupt, terminate, kill until two empty passes, finish; each after its grace.
    #[test]
    fn climbs_step_by_step() {
        let start = monotonic();
        let at = |seconds| View { now: start + Duration::from_secs(seconds), leader_ended: false, has_children: true, pipes_open: true };
        let mut ladder = Ladder::new();
        assert_eq!(ladder.step(at(0)), Step::Wait);
        assert!(ladder.stop(start, GRACE));
        assert_eq!(ladder.step(at(4)), Step::Wait);
        assert_eq!(ladder.step(at(5)), Step::Terminate);
        assert_eq!(ladder.step(at(9)), Step::Wait);
        assert_eq!(ladder.step(at(10)), Step::Kill);
        ladder.killed(0);
        assert_eq!(ladder.step(at(10)), Step::Kill);
        ladder.killed(3);
        ladder.killed(0);
        assert_eq!(ladder.step(at(10)), Step::Kill);
        ladder.killed(0);
        assert_eq!(ladder.step(at(10)), Step::Wait);
        assert_eq!(ladder.step(View { pipes_open: false, ..at(10) }), Step::Finish);
    }

    /// Shim R8: a second order only ever shortens; zero kills at once; a process stuck in the kernel does not hold the shim for ever.
    #[test]
    fn a_second_order_shortens() {
        let start = monotonic();
        let view = View { now: start, leader_ended: false, has_children: true, pipes_open: true };
        let mut ladder = Ladder::new();
        assert!(ladder.stop(start, GRACE));
        assert!(!ladder.stop(start, GRACE * 9));
        assert_eq!(ladder.patience(start), Some(GRACE));
        assert!(!ladder.stop(start, Duration::ZERO));
        assert_eq!(ladder.step(view), Step::Kill);
        ladder.killed(1);
        assert_eq!(ladder.step(View { now: start + GRACE * 9, ..view }), Step::Wait);
        assert_eq!(ladder.leftovers(), 1);
    }

    /// Shim R9: after the leader's own exit the others settle, and are killed when they stay.
    #[test]
    fn settles_after_the_leader() {
        let start = monotonic();
        let mut ladder = Ladder::new();
        let view = View { now: start, leader_ended: true, has_children: true, pipes_open: true };
        assert_eq!(ladder.step(view), Step::Wait);
        assert_eq!(ladder.step(View { now: start + Duration::from_secs(1), ..view }), Step::Kill);
        let mut quick = Ladder::new();
        assert_eq!(quick.step(View { has_children: false, ..view }), Step::Kill);
    }
}

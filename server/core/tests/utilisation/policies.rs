//! What is done about a refusal: the original as it was shipped, the original as it was specified, and ours.
//!
//! Ours decides nothing here: it asks `aq_core::limits` with the evidence that a runtime would have reported.

use aq_core::account::Account;
use aq_core::ids::AccountId;
use aq_core::limits::{Load, gate, resume_at};
use aq_core::output::{LimitNotice, LimitStatus};
use aq_core::schedule::expected_rest;
use aq_core::time::Timestamp;

use crate::draws::Draws;
use crate::model::{Agent, Attempt, Policy, Refused, SPAWN, Window};

/// The original looked every five seconds.
fn on_tick(now: f64) -> bool {
    now % 5.0 == 0.0
}

/// The original as shipped: a refusal is a failure, and three failures block the task.
pub(crate) struct Shipped;

impl Policy for Shipped {
    fn may_start(&mut self, now: f64, _agents: &[Agent]) -> bool {
        on_tick(now)
    }

    fn may_resume(&mut self, _now: f64, _agents: &[Agent]) -> bool {
        true
    }

    fn refused(&mut self, now: f64, attempt: &Attempt, _window: Window) -> Refused {
        if attempt.refused >= 3 { Refused::Block } else { Refused::Requeue(now, attempt.refused) }
    }
}

/// The original as specified: back-off of 60, 120, 240 s in the process, then paused for 60 s; every try is a fresh session.
pub(crate) struct Specified;

impl Policy for Specified {
    fn may_start(&mut self, now: f64, _agents: &[Agent]) -> bool {
        on_tick(now)
    }

    fn may_resume(&mut self, _now: f64, _agents: &[Agent]) -> bool {
        true
    }

    fn refused(&mut self, now: f64, attempt: &Attempt, _window: Window) -> Refused {
        match attempt.refused {
            1 => Refused::Hold(now + 60.0),
            2 => Refused::Hold(now + 120.0),
            3 => Refused::Hold(now + 240.0),
            _ => Refused::Requeue(now + 60.0, 0),
        }
    }
}

/// Ours: evidence about an account's window, and the governor's decision for each start.
pub(crate) struct Ours {
    account: Account,
    jitter: Draws,
    /// What a window holds: the provider knows it, and tells only used parts.
    budget: f64,
    /// Tasks done and what they cost, to know what one usually costs.
    done: (f64, f64),
    /// Instant and number of the tasks that wait for the same reset.
    waiting: (f64, usize),
}

impl Ours {
    /// A fresh account of a plan whose windows hold `budget` tokens.
    pub(crate) fn new(budget: f64, seed: u32) -> Self {
        Self {
            account: Account::new(AccountId::from_trusted("plan"), "Plan", at(0.0)),
            jitter: Draws::new(seed + 1_000),
            budget,
            done: (0.0, 0.0),
            waiting: (-1.0, 0),
        }
    }

    fn hear(&mut self, now: f64, status: LimitStatus, window: Window) {
        let notice = LimitNotice {
            window: "five_hour".into(),
            status,
            used: Some(1.0 - window.left / self.budget),
            resets_at: Some(at(window.end)),
            source: "model".into(),
        };
        self.account.observe(&notice, at(now));
    }

    fn open(&self, now: f64, agents: &[Agent]) -> bool {
        let usual = if self.done.0 > 0.0 { (self.done.1 / self.done.0) as u64 } else { 0 };
        let mut load = Load { expected_next: usual, ..Load::default() };
        for agent in agents {
            if let Agent::Running(attempt) = agent {
                load.running += 1;
                load.newest_start = load.newest_start.max(Some(at(attempt.start - SPAWN)));
                load.expected_rest += expected_rest(usual, attempt.done as u64);
            }
        }
        gate(&self.account, &load, at(now), "").is_open()
    }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1_000.0) as i64)
}

impl Policy for Ours {
    fn may_start(&mut self, now: f64, agents: &[Agent]) -> bool {
        // Who was paused goes on before anything new starts.
        !agents.iter().any(|agent| matches!(agent, Agent::Waiting(..))) && self.open(now, agents)
    }

    fn may_resume(&mut self, now: f64, agents: &[Agent]) -> bool {
        self.open(now, agents)
    }

    fn refused(&mut self, now: f64, _attempt: &Attempt, window: Window) -> Refused {
        self.hear(now, LimitStatus::Rejected, Window { left: 0.0, ..window });
        if self.waiting.0 != window.end {
            self.waiting = (window.end, 0);
        }
        let place = self.waiting.1;
        self.waiting.1 += 1;
        let jitter = self.jitter.unit();
        Refused::Resume(resume_at(at(window.end), place, jitter).as_millis() as f64 / 1_000.0)
    }

    fn used(&mut self, now: f64, tokens: f64, window: Window) {
        self.account.spent("", tokens as u64);
        self.hear(now, LimitStatus::Allowed, window);
    }

    fn done(&mut self, attempt: &Attempt) {
        self.done.0 += 1.0;
        self.done.1 += attempt.total;
    }
}

//! How much more may start on each account while one decision is made.
//!
//! Whether an account is closed before the decision begins lives in `limits`.

use super::snapshot::{AccountRoom, IdleAgent, Snapshot};
use crate::limits::{Closed, GateReason};

/// The accounts with what this decision has put on them.
pub(super) struct Rooms<'a> {
    rooms: &'a [AccountRoom],
    /// Per account, starts and their expected tokens.
    given: Vec<(u32, u64)>,
}

impl<'a> Rooms<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        Self { rooms: &snapshot.accounts, given: vec![(0, 0); snapshot.accounts.len()] }
    }

    /// Why a start of `cost` tokens has to wait on the agent's account; `None`: it may go (schedule R14). Alone a run may always try.
    pub(super) fn holds(&self, agent: &IdleAgent, cost: u64) -> Option<Closed> {
        let index = agent.account?;
        let (room, (starts, tokens)) = (self.rooms.get(index)?, *self.given.get(index)?);
        if room.running.saturating_add(starts) == 0 {
            return None;
        }
        if room.probe {
            return Some(Closed { reason: GateReason::Probing, until: None });
        }
        let left = room.room?.saturating_sub(tokens);
        (cost > left).then_some(Closed { reason: GateReason::Draining, until: room.resets_at })
    }

    /// A start was decided.
    pub(super) fn take(&mut self, agent: &IdleAgent, cost: u64) {
        if let Some((starts, tokens)) = agent.account.and_then(|index| self.given.get_mut(index)) {
            *starts += 1;
            *tokens = tokens.saturating_add(cost);
        }
    }
}

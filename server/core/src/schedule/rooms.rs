//! How much more may start on each account while one decision is made.
//!
//! Whether an account is closed before the decision begins lives in `limits`.

use std::collections::BTreeMap;

use super::snapshot::{AccountRoom, IdleAgent, Snapshot};
use crate::limits::{Closed, GateReason};

/// The accounts with what this decision has put on them.
pub(super) struct Rooms<'a> {
    rooms: &'a [AccountRoom],
    /// Per account, starts and their expected tokens. An account may have several rooms, one for each model.
    given: BTreeMap<usize, (u32, u64)>,
}

impl<'a> Rooms<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        Self { rooms: &snapshot.accounts, given: BTreeMap::new() }
    }

    /// Why a start of `cost` tokens has to wait on the agent's account; `None`: it may go (schedule R14). Alone a run may always try.
    pub(super) fn holds(&self, agent: &IdleAgent, cost: u64) -> Option<Closed> {
        let room = self.rooms.get(agent.account?)?;
        let (starts, tokens) = self.given.get(&room.account).copied().unwrap_or_default();
        if room.probe {
            // What runs already began before the reset, and shows nothing.
            return (starts > 0).then_some(Closed { reason: GateReason::Probing, until: None });
        }
        if room.running.saturating_add(starts) == 0 {
            return None;
        }
        let left = room.room?.saturating_sub(tokens);
        (cost > left).then_some(Closed { reason: GateReason::Draining, until: room.resets_at })
    }

    /// A start was decided.
    pub(super) fn take(&mut self, agent: &IdleAgent, cost: u64) {
        if let Some(room) = agent.account.and_then(|index| self.rooms.get(index)) {
            let (starts, tokens) = self.given.entry(room.account).or_default();
            *starts += 1;
            *tokens = tokens.saturating_add(cost);
        }
    }
}

//! How accounts and their windows stand, told with the same gate that decides about starts.

use std::collections::BTreeSet;

use aq_core::account::{Account, LimitWindow};
use aq_core::ids::AccountId;
use aq_core::limits::{Closed, Gate, GateReason, Load, gate, sentence};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;

use super::convert;
use crate::events::wire;
use crate::lifecycle::Figures;
use crate::orchestrator::{Loads, Policy, least_expected, model_of};
use crate::store::{Connection, StoreError, paused};

/// Ready tasks counted of each project.
const COUNTED: usize = 10_000;

/// The state in the words of the contract.
const fn state(gate: Gate) -> pb::GateState {
    match gate {
        Gate::Open => pb::GateState::Open,
        Gate::OpenForProbe => pb::GateState::Probing,
        Gate::Closed(Closed { reason, .. }) => match reason {
            GateReason::Paused => pb::GateState::Paused,
            GateReason::Limit | GateReason::Full | GateReason::Fault => pb::GateState::Closed,
            GateReason::Quiet => pb::GateState::Quiet,
            GateReason::Reserve => pb::GateState::Reserve,
            GateReason::Draining => pb::GateState::Draining,
            GateReason::Probing => pb::GateState::Probing,
        },
    }
}

fn until(gate: Gate) -> Option<prost_types::Timestamp> {
    gate.closed().and_then(|closed| closed.until).map(convert::timestamp)
}

/// One window: the gate is asked as if the account had no other, and no model in mind.
fn window(account: &Account, window: &LimitWindow, load: &Load, now: Timestamp) -> pb::LimitWindow {
    let alone = Account { windows: vec![window.clone()], ..account.clone() };
    let said = gate(&alone, load, now, "");
    pb::LimitWindow {
        account_id: account.id.to_string(),
        window: window.name.clone(),
        status: wire::limit_status(window.status).into(),
        used: window.used_at(now),
        resets_at: window.resets_at.map(convert::timestamp),
        source: window.source.clone(),
        observed_at: Some(convert::timestamp(window.observed_at)),
        gates: !said.is_open(),
        model_family: window.family().unwrap_or_default().to_owned(),
        state: state(said).into(),
        until: until(said),
        size_tokens: window.meter.tokens_of(1.0).unwrap_or(0),
    }
}

/// The gate of an account over the models that its agents speak to: open while one of them may start.
fn of_account(figures: &Figures, policy: &Policy, account: &Account, load: &Load, now: Timestamp) -> Gate {
    let agents = figures.agents.values().filter(|agent| agent.account.as_ref() == Some(&account.id));
    let models: BTreeSet<String> = agents.map(|agent| model_of(figures, policy, agent)).collect();
    let gates = models.iter().map(|model| gate(account, load, now, model));
    // The one that opens first stands for all; one without an instant comes last.
    let first = gates.min_by_key(|gate| match gate {
        Gate::Open => (0, None),
        Gate::OpenForProbe => (1, None),
        Gate::Closed(closed) => (if closed.until.is_some() { 2 } else { 3 }, closed.until),
    });
    first.unwrap_or_else(|| gate(account, load, now, ""))
}

/// READY tasks that no agent outside the account could take.
fn ready_for(figures: &Figures, account: &AccountId) -> usize {
    let lanes = figures.projects.values().flat_map(|hot| hot.ready.iter());
    let only_here = lanes.filter(|(needs, _)| {
        let mut able = figures.agents.values().filter(|agent| needs.allows(agent.runtime)).peekable();
        able.peek().is_some() && able.all(|agent| agent.account.as_ref() == Some(account))
    });
    only_here.map(|(_, tasks)| tasks.len().min(COUNTED)).sum()
}

/// All accounts, or the one that was asked for, with their windows.
///
/// # Errors
/// When the rows cannot be read.
pub(super) fn told(
    db: &mut Connection,
    figures: &Figures,
    policy: &Policy,
    wanted: Option<&AccountId>,
    now: Timestamp,
) -> Result<pb::ListLimitWindowsResponse, StoreError> {
    let paused = paused::paused_for_limits(db)?;
    let (loads, next) = (Loads::of(figures), least_expected(figures));
    let mut answer = pb::ListLimitWindowsResponse::default();
    for account in figures.accounts.values().filter(|account| wanted.is_none_or(|id| account.id == *id)) {
        let load = loads.on(&account.id, next);
        answer.windows.extend(account.windows.iter().map(|known| window(account, known, &load, now)));
        let said = of_account(figures, policy, account, &load, now);
        let paused = paused.iter().filter(|agent| figures.account_of(agent) == Some(&account.id)).count();
        let held = if said == Gate::Open { 0 } else { ready_for(figures, &account.id) };
        answer.accounts.push(pb::AccountGate {
            account_id: account.id.to_string(),
            state: state(said).into(),
            reason: said.closed().map(|closed| format!("{}.", sentence(closed.reason))).unwrap_or_default(),
            until: until(said),
            running: load.open(),
            waiting_tasks: u32::try_from(paused + held).unwrap_or(u32::MAX),
        });
    }
    Ok(answer)
}

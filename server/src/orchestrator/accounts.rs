//! Accounts as decisions see them: what runs on each, and what the governor says; and what evidence changes.
//!
//! The rules are pure and live in `aq_core::limits`. Tasks that a refusal stopped are moved in `reports`.

use std::collections::BTreeMap;

use aq_core::account::Account;
use aq_core::agent::Agent;
use aq_core::event::EventKind;
use aq_core::ids::{AccountId, AgentId};
use aq_core::limits::{Closed, Gate, GateReason, Load, Refusal, filler_may_run, gate, is_throttle, refusal, resume_at, room};
use aq_core::output::{FailureClass, LimitNotice, LimitStatus};
use aq_core::run::{Run, RunResult, RunState};
use aq_core::runner_link::RunOutcome;
use aq_core::schedule::{AccountRoom, IdleAgent, expected_rest};
use aq_core::time::Timestamp;
use rand::Rng as _;
use serde_json::json;

use super::policy::Policy;
use crate::lifecycle::{Figures, LifecycleError, Subject, Tx, announce};
use crate::store::{RunRecord, accounts, paused, runs};

/// The model that an agent speaks to: the one it is told to, else the one it was heard to use last; empty when neither is known.
#[must_use]
pub fn model_of(figures: &Figures, policy: &Policy, agent: &Agent) -> String {
    let told = policy.profile(agent.runtime, &agent.profile, "").model;
    if told.is_empty() { figures.models.get(&agent.id).cloned().unwrap_or_default() } else { told }
}

/// What runs on each account, and what it is still expected to use. A run that waits for a person uses nothing and may wait for days.
#[derive(Clone, Debug, Default)]
pub struct Loads(BTreeMap<AccountId, Load>);

impl Loads {
    /// Adds up the open runs whose agents work.
    #[must_use]
    pub fn of(figures: &Figures) -> Self {
        let mut loads: BTreeMap<AccountId, Load> = BTreeMap::new();
        for run in figures.runs.values().filter(|run| matches!(run.state, RunState::Starting | RunState::Running)) {
            if let Some(account) = figures.account_of(&run.agent) {
                let load = loads.entry(account.clone()).or_default();
                if run.waits {
                    load.waiting += 1;
                    continue;
                }
                load.running += 1;
                load.newest_start = load.newest_start.max(Some(run.since));
                load.expected_rest = load.expected_rest.saturating_add(expected_rest(run.reserved, run.tokens));
            }
        }
        Self(loads)
    }

    /// The load of one account beside which a run of `expected_next` tokens would start.
    #[must_use]
    pub fn on(&self, account: &AccountId, expected_next: u64) -> Load {
        Load { expected_next, ..self.0.get(account).copied().unwrap_or_default() }
    }
}

/// The least that a start of any project with ready work is expected to cost.
#[must_use]
pub fn least_expected(figures: &Figures) -> u64 {
    figures.projects.values().filter(|hot| !hot.ready.is_empty()).map(|hot| hot.usage.expected()).min().unwrap_or(0)
}

/// Agents with what their accounts say, and the rooms of these accounts (limits R1 to R6).
pub(super) struct Seen<'a> {
    figures: &'a Figures,
    policy: &'a Policy,
    now: Timestamp,
    loads: Loads,
    least: u64,
    places: BTreeMap<(AccountId, String), (usize, Gate, bool)>,
    /// The accounts that have rooms, numbered as they came.
    numbers: BTreeMap<AccountId, usize>,
    /// Idle agents that may start, of accounts that have a limit of runs.
    taken: BTreeMap<AccountId, u32>,
    /// The rooms, in the order in which agents point at them.
    pub(super) rooms: Vec<AccountRoom>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(figures: &'a Figures, policy: &'a Policy, now: Timestamp) -> Self {
        let (loads, least) = (Loads::of(figures), least_expected(figures));
        let (places, numbers, taken) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { figures, policy, now, loads, least, places, numbers, taken, rooms: Vec::new() }
    }

    /// One agent.
    pub(super) fn agent(&mut self, agent: &Agent) -> IdleAgent {
        let (figures, policy) = (self.figures, self.policy);
        let mut seen = IdleAgent::new(agent.id.clone(), agent.runtime);
        if let Some(until) = agent.closed_until(self.now) {
            seen.closed = Some(Closed { reason: GateReason::Fault, until: Some(until) });
            return seen;
        }
        let Some(account) = agent.account.as_ref().and_then(|id| figures.accounts.get(id)) else { return seen };
        let model = model_of(figures, policy, agent);
        let (loads, rooms, numbers, now) = (&self.loads, &mut self.rooms, &mut self.numbers, self.now);
        let least = self.least;
        let (place, gate, filler) = *self.places.entry((account.id.clone(), model.clone())).or_insert_with(|| {
            let load = loads.on(&account.id, 0);
            let gate = gate(account, &load, now, &model);
            let room = room(account, &load, now, &model);
            let next = numbers.len();
            rooms.push(AccountRoom {
                account: *numbers.entry(account.id.clone()).or_insert(next),
                running: load.running,
                probe: gate == Gate::OpenForProbe,
                room: room.map(|room| room.left),
                resets_at: room.and_then(|room| room.resets_at),
                size: room.map(|room| room.size),
                span_ms: room.and_then(|room| room.span_ms),
            });
            (rooms.len() - 1, gate, filler_may_run(account, &loads.on(&account.id, least), now, &model))
        });
        (seen.closed, seen.account, seen.filler) = (gate.closed(), Some(place), filler);
        if seen.closed.is_none() && account.max_concurrent_runs > 0 {
            let taken = self.taken.entry(account.id.clone()).or_default();
            if self.loads.on(&account.id, 0).open().saturating_add(*taken) >= account.max_concurrent_runs {
                seen.closed = Some(Closed { reason: GateReason::Full, until: None });
            } else {
                *taken += 1;
            }
        }
        seen
    }

    /// The agents that work on nothing.
    pub(super) fn idle(&mut self) -> Vec<IdleAgent> {
        let figures = self.figures;
        let idle = figures.idle.iter().filter_map(|id| figures.agents.get(id));
        idle.map(|agent| self.agent(agent)).collect()
    }
}

fn account_of(tx: &Tx<'_>, agent: &AgentId) -> Option<Account> {
    tx.state.account_of(agent).and_then(|id| tx.state.accounts.get(id)).cloned()
}

/// Takes in what a provider said about the account of a run. True when tasks may start or have to wait because of it.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn heard(tx: &mut Tx<'_>, agent: &AgentId, notice: &LimitNotice, at: Timestamp) -> Result<bool, LifecycleError> {
    let Some(mut account) = account_of(tx, agent) else { return Ok(false) };
    let was_closed = account.closed_until(at);
    if !account.observe(notice, at) {
        return Ok(false);
    }
    if let Some(window) = account.windows.iter().find(|window| window.name == notice.window) {
        accounts::put_window(tx.db, &account.id, window)?;
    }
    let is_closed = account.closed_until(at);
    let id = account.id.clone();
    tx.state.put_account(id.clone(), Some(account));
    if is_closed.is_some() && is_closed != was_closed {
        let payload = json!({
            "account_id": id.as_str(), "window": notice.window, "source": notice.source,
            "resets_at": is_closed.map(Timestamp::as_millis),
        });
        announce(tx, EventKind::AccountLimited, at, Subject::default(), payload)?;
    } else if was_closed.is_some() && is_closed.is_none() {
        reopened(tx, &id, at)?;
    }
    Ok(true)
}

fn reopened(tx: &mut Tx<'_>, account: &AccountId, at: Timestamp) -> Result<(), LifecycleError> {
    announce(tx, EventKind::AccountReopened, at, Subject::default(), json!({ "account_id": account.as_str() }))
}

/// A message of a run was answered by the provider: its tokens count towards the account's windows, and a window that was refused before the run
/// began is open again (limits R6). True when it is the proof that others wait for.
///
/// # Errors
/// When the rows cannot be written.
pub(super) fn answered(tx: &mut Tx<'_>, run: &Run, model: &str, tokens: u64, at: Timestamp) -> Result<bool, LifecycleError> {
    if !model.is_empty() && tx.state.models.get(&run.agent).is_none_or(|known| known != model) {
        tx.state.put_model(run.agent.clone(), model.to_owned());
    }
    let Some(mut account) = account_of(tx, &run.agent) else { return Ok(false) };
    account.spent(model, tokens);
    let proven = account.proven_open(model, run.started_at, at);
    for window in &proven {
        accounts::put_window(tx.db, &account.id, window)?;
    }
    let id = account.id.clone();
    tx.state.put_account(id.clone(), Some(account));
    if !proven.is_empty() {
        reopened(tx, &id, at)?;
    }
    Ok(!proven.is_empty())
}

/// What a runner calls a failure may be the limit that its account is known to have reached: a program that dies of a refusal does not always say
/// so. Such a run is limited, and uses up no try (D-15).
pub(super) fn judged(tx: &Tx<'_>, policy: &Policy, run: &Run, outcome: RunOutcome, now: Timestamp) -> RunOutcome {
    let RunOutcome::Failed { class, message } = outcome else { return outcome };
    let as_failed = |message| RunOutcome::Failed { class, message };
    if !matches!(class, FailureClass::Agent | FailureClass::Incomplete | FailureClass::Silence | FailureClass::Overloaded) {
        return as_failed(message);
    }
    let Some(agent) = tx.state.agents.get(&run.agent) else { return as_failed(message) };
    let Some(account) = agent.account.as_ref().and_then(|id| tx.state.accounts.get(id)) else { return as_failed(message) };
    let model = model_of(tx.state, policy, agent);
    let closed =
        account.windows.iter().filter(|window| window.covers(&model)).filter_map(|window| Some((window.closed_until(now)?, window)));
    match closed.max_by_key(|(until, _)| *until) {
        Some((until, window)) => RunOutcome::Limited { window: window.name.clone(), resets_at: Some(until), message },
        None => as_failed(message),
    }
}

/// When a task that a provider refused goes on, and in which words that is told; at once for one that may fall back (limits R10). The refusal is evidence about the account, unless it is a short
/// throttle (limits R2, R7).
///
/// # Errors
/// When the rows cannot be read or written.
pub(super) fn refused(
    tx: &mut Tx<'_>,
    policy: &Policy,
    record: &RunRecord,
    (window, resets_at): (&str, Option<Timestamp>),
    falls_back: bool,
    now: Timestamp,
) -> Result<(Timestamp, String), LifecycleError> {
    let agent = tx.state.agents.get(&record.run.agent).cloned();
    let model = agent.as_ref().map(|agent| model_of(tx.state, policy, agent)).unwrap_or_default();
    let closed = |tx: &Tx<'_>| account_of(tx, &record.run.agent).and_then(|account| account.closed_for(&model, now));
    let fresh = resets_at.is_none_or(|reset| reset > now);
    if !is_throttle(window, resets_at) && fresh && closed(tx).is_none() {
        let status = LimitStatus::Rejected;
        let notice = LimitNotice { window: window.to_owned(), status, used: None, resets_at, source: "outcome".to_owned() };
        heard(tx, &record.run.agent, &notice, now)?;
    }
    let before = runs::of_task(tx.db, record.task_key)?
        .iter()
        .rev()
        .skip_while(|run| run.run.is_open())
        .take_while(|run| run.run.end.as_ref().is_some_and(|end| end.result == RunResult::Limited))
        .count();
    let before = u32::try_from(before).unwrap_or(u32::MAX);
    let waits = (policy.limit_wait_ms, policy.limit_wait_most_ms);
    Ok(match refusal(window, resets_at, closed(tx), before, waits, now) {
        Refusal::Throttle { until } => (until, "throttled".to_owned()),
        // It waits for an agent of another runtime, and for nothing else: the closed account itself holds it back from its own.
        Refusal::Window { .. } if falls_back && closed(tx).is_some() => (now, format!("limit: {window}; it may fall back")),
        Refusal::Window { until } => {
            let place = paused::paused_between(tx.db, until, resume_at(until, 1, 1.0).plus_millis(1))?;
            (resume_at(until, place, tx.state.chance().random()), format!("limit: {window}"))
        }
    })
}

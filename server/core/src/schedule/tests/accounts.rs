//! Accounts within one decision: the probe, the drain, filler work and falling back to another runtime.

use super::super::{AccountRoom, Reason, decide};
use super::*;

/// Three agents of one account and three tasks of 1,000 tokens.
fn shared(room: AccountRoom) -> Snapshot {
    let mut state = snapshot(vec![project("p1", &["t1", "t2", "t3"])], 3);
    state.projects[0].max_runs = 9;
    for agent in &mut state.agents {
        agent.account = Some(0);
    }
    state.accounts = vec![room];
    state
}

/// schedule R14, limits R6, F-054: after a reset one run starts alone, however many agents are idle.
#[test]
fn one_probe_starts_alone() {
    let probing = AccountRoom { probe: true, ..AccountRoom::default() };
    assert_eq!(chosen(&shared(probing.clone())), ["t1"]);
    // What runs already began before the reset, and shows nothing.
    assert_eq!(chosen(&shared(AccountRoom { running: 1, ..probing })), ["t1"]);
}

/// schedule R14, limits R3: within one decision only what fits is started; alone a run may always try.
#[test]
fn a_drain_counts_what_the_decision_starts() {
    let room = |room| AccountRoom { room: Some(room), resets_at: Some(Timestamp::from_millis(9)), ..AccountRoom::default() };
    assert_eq!(chosen(&shared(room(2_000))), ["t1", "t2"]);
    assert_eq!(chosen(&shared(room(0))), ["t1"]);
    let state = shared(AccountRoom { running: 1, ..room(999) });
    let until = Some(Timestamp::from_millis(9));
    assert_eq!(decide(&state).waits[0].reason, Reason::AccountClosed { reason: GateReason::Draining, until });
    let mut beside = state;
    beside.agents.push(agent("other", RuntimeKind::Claude));
    assert_eq!(chosen(&beside), ["t1"], "another account goes on");
}

/// schedule R14, limits R3, R6: agents of one account that speak to different models draw from it together; those of another account do not.
#[test]
fn models_of_one_account_are_counted_together() {
    let of = |account, room: &AccountRoom| AccountRoom { account, ..room.clone() };
    let draining = AccountRoom { room: Some(1_500), ..AccountRoom::default() };
    let probing = AccountRoom { probe: true, ..AccountRoom::default() };
    for room in [draining, probing] {
        let mut state = shared(room.clone());
        state.accounts = vec![of(0, &room), of(0, &room)];
        state.agents[1].account = Some(1);
        assert_eq!(chosen(&state), ["t1"], "{room:?}");
        state.accounts[1].account = 1;
        assert_eq!(chosen(&state), ["t1", "t2"], "{room:?}");
    }
}

/// schedule R15, limits R8: filler work comes after all other work, and only where the account has something to spare.
#[test]
fn filler_comes_last_and_only_where_something_expires() {
    let mut filler = project("a", &[]);
    filler.lanes = vec![Lane { filler: true, ..lane(None, &["f1", "f2"]) }];
    let mut state = snapshot(vec![filler, project("b", &["b1"])], 3);
    assert_eq!(chosen(&state), ["b1", "f1", "f2"]);
    for agent in &mut state.agents {
        agent.filler = false;
    }
    assert_eq!(chosen(&state), ["b1"]);
    assert_eq!(decide(&state).waits[0].reason, Reason::FillerWaits);
}

/// schedule R16: a task that may fall back is taken by another runtime exactly while every idle agent of its own is held back by its account.
#[test]
fn tasks_fall_back_to_another_runtime() {
    let mut wants = project("a", &[]);
    wants.lanes = vec![Lane { fallback: RuntimeSet::EMPTY.with(RuntimeKind::Command), ..lane(Some(RuntimeKind::Claude), &["t1"]) }];
    let mut state = snapshot(vec![wants], 0);
    state.agents = vec![agent("command", RuntimeKind::Command)];
    assert_eq!(chosen(&state), [""; 0], "its agents are busy, not held back");
    state.agents.insert(0, IdleAgent { closed: limited(50), ..agent("claude", RuntimeKind::Claude) });
    let decision = decide(&state);
    assert_eq!(decision.assignments[0].agent.as_str(), "command");
    state.projects[0].lanes[0].fallback = RuntimeSet::EMPTY.with(RuntimeKind::Codex);
    assert_eq!(chosen(&state), [""; 0], "it allows another one only");
    state.projects[0].lanes[0].fallback = RuntimeSet::EMPTY;
    assert_eq!(chosen(&state), [""; 0], "it does not allow it");
}

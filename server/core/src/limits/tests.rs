//! The governor's rules as a table, and what holds for every state.

use proptest::prelude::*;

use super::*;
use crate::account::Account;
use crate::ids::AccountId;
use crate::output::{LimitNotice, LimitStatus};
use crate::time::Timestamp;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn account(status: LimitStatus, used: Option<f64>, resets_at: Option<i64>) -> Account {
    let mut account = Account::new(AccountId::from_trusted("max"), "Max", at(0));
    let notice = LimitNotice { window: "five_hour".into(), status, used, resets_at: resets_at.map(at), source: "test".into() };
    account.observe(&notice, at(0));
    account
}

fn load(running: u32, expected_rest: f64, expected_next: f64) -> Load {
    Load { running, expected_rest, expected_next }
}

fn decide(account: &Account, load: Load, now: i64) -> Gate {
    gate(account, &AccountPolicy::default(), &load, at(now), 600)
}

fn closed(reason: GateReason, until: Option<i64>) -> Gate {
    Gate::Closed { reason, until: until.map(at) }
}

/// limits R1, R5, F-054: nothing before the reset, then one probe, then the rest once it has shown that the window is open.
#[test]
fn a_refusal_waits_for_its_reset_then_probes() {
    let mut account = account(LimitStatus::Rejected, Some(1.0), Some(500));
    assert_eq!(decide(&account, load(3, 0.1, 0.1), 499), closed(GateReason::Limit, Some(500)));
    assert_eq!(decide(&account, load(0, 0.0, 0.1), 500), Gate::OpenForProbe);
    assert_eq!(decide(&account, load(1, 0.1, 0.1), 501), closed(GateReason::Probing, None));
    let allowed = LimitNotice {
        window: "five_hour".into(),
        status: LimitStatus::Allowed,
        used: Some(0.01),
        resets_at: Some(at(9_000)),
        source: "test".into(),
    };
    account.observe(&allowed, at(502));
    assert_eq!(decide(&account, load(1, 0.1, 0.1), 503), Gate::Open);
    assert_eq!((resume_at(at(500), 0, 0.5), resume_at(at(500), 3, 1.0)), (at(500), at(1_500 + RESUME_SPREAD_MS)));
}

/// limits R3: near the end only what fits is started; alone a run may try.
#[test]
fn the_end_of_a_window_is_drained() {
    let account = account(LimitStatus::Allowed, Some(0.9), Some(500));
    assert_eq!(decide(&account, load(1, 0.03, 0.05), 10), Gate::Open);
    assert_eq!(decide(&account, load(2, 0.06, 0.05), 10), closed(GateReason::Draining, Some(500)));
    assert_eq!(decide(&account, load(0, 0.0, 0.5), 10), Gate::Open);
    assert_eq!(decide(&account, load(2, 0.06, 0.05), 500), Gate::Open);
}

/// limits R2: the owner's reserve, threshold, quiet hours and pause.
#[test]
fn the_owners_wishes_hold() {
    let mut account = account(LimitStatus::Allowed, Some(0.85), Some(500));
    account.reserve = 0.2;
    assert_eq!(decide(&account, load(0, 0.0, 0.0), 10), closed(GateReason::Reserve, Some(500)));
    account.reserve = 0.0;
    let policy = AccountPolicy { stop_at: Some(0.8), quiet: vec![] };
    assert_eq!(gate(&account, &policy, &load(0, 0.0, 0.0), at(10), 0), closed(GateReason::Reserve, Some(500)));
    let policy = AccountPolicy { stop_at: None, quiet: vec![QuietHours { from: 1_380, to: 420 }] };
    assert_eq!(gate(&account, &policy, &load(0, 0.0, 0.0), at(0), 1_439), closed(GateReason::Quiet, Some(421 * 60_000)));
    assert_eq!(gate(&account, &policy, &load(0, 0.0, 0.0), at(0), 419), closed(GateReason::Quiet, Some(60_000)));
    assert_eq!(gate(&account, &policy, &load(0, 0.0, 0.0), at(0), 420), Gate::Open);
    account.paused = true;
    assert_eq!(decide(&account, load(0, 0.0, 0.0), 10), closed(GateReason::Paused, None));
}

/// limits R1: without evidence an account is open.
#[test]
fn without_evidence_it_is_open() {
    let account = Account::new(AccountId::from_trusted("new"), "New", at(0));
    assert_eq!(decide(&account, load(9, 9.0, 9.0), 10), Gate::Open);
}

proptest! {
    /// limits R4: an idle account with nobody's wish against it opens by itself: no state closes it for ever.
    #[test]
    fn nothing_closes_an_idle_account_for_ever(
        rejected in any::<bool>(), used in prop::option::of(0.0..2.0_f64), resets_at in prop::option::of(0_i64..1_000_000), next in 0.0..2.0_f64,
    ) {
        let status = if rejected { LimitStatus::Rejected } else { LimitStatus::Warning };
        let account = account(status, used, resets_at);
        // A window used up without a known reset waits for evidence or for the person who sees it.
        prop_assume!(resets_at.is_some() || used.unwrap_or(0.0) < 1.0);
        prop_assert!(decide(&account, load(0, 0.0, next), 1_000_001).is_open());
    }
}

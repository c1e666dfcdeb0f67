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

fn notice(window: &str, status: LimitStatus, used: Option<f64>, resets_at: Option<i64>) -> LimitNotice {
    LimitNotice { window: window.into(), status, used, resets_at: resets_at.map(at), source: "test".into() }
}

fn account(status: LimitStatus, used: Option<f64>, resets_at: Option<i64>) -> Account {
    let mut account = Account::new(AccountId::from_trusted("max"), "Max", at(0));
    account.observe(&notice("five_hour", status, used, resets_at), at(0));
    account
}

/// A million tokens make up the window.
fn sized(mut account: Account) -> Account {
    for window in &mut account.windows {
        window.meter.capacity = Some(1_000_000.0);
    }
    account
}

fn load(running: u32, expected_rest: u64, expected_next: u64) -> Load {
    Load { running, expected_rest, expected_next, ..Load::default() }
}

fn decide(account: &Account, load: Load, now: i64) -> Gate {
    gate(account, &load, at(now), "")
}

fn closed(reason: GateReason, until: Option<i64>) -> Gate {
    Gate::Closed(Closed { reason, until: until.map(at) })
}

/// limits R1, R6, F-054: nothing before the reset, then one probe, then the rest once it has shown that the window is open.
#[test]
fn a_refusal_waits_for_its_reset_then_probes() {
    let mut account = account(LimitStatus::Rejected, Some(1.0), Some(500));
    let shut = decide(&account, load(3, 0, 0), 499);
    assert_eq!((shut, shut.is_open()), (closed(GateReason::Limit, Some(500)), false));
    assert_eq!(decide(&account, load(0, 0, 0), 500), Gate::OpenForProbe);
    assert_eq!(decide(&account, load(1, 0, 0), 501), closed(GateReason::Probing, None));
    account.observe(&notice("five_hour", LimitStatus::Allowed, Some(0.01), Some(9_000)), at(502));
    assert_eq!(decide(&account, load(1, 0, 0), 503), Gate::Open);
}

/// limits R6: a run that was not refused although it began before the reset is no probe: it may have hours of its own work before it speaks to the
/// provider again. Neither is one that waits for a person.
#[test]
fn only_a_run_that_began_after_the_reset_probes() {
    let account = account(LimitStatus::Rejected, Some(1.0), Some(500));
    let since = |millis| Load { newest_start: Some(at(millis)), ..load(1, 0, 0) };
    assert_eq!(decide(&account, since(499), 600), Gate::OpenForProbe);
    assert_eq!(decide(&account, since(500), 600), closed(GateReason::Probing, None));
    let waiting = Load { waiting: 2, ..load(0, 0, 0) };
    assert_eq!(decide(&account, waiting, 600), Gate::OpenForProbe);
    assert_eq!((waiting.open(), since(1).open()), (2, 1));
}

/// limits R3: near the end only what fits is started; alone a run may try.
#[test]
fn the_end_of_a_window_is_drained() {
    let account = sized(account(LimitStatus::Allowed, Some(0.9), Some(500)));
    assert_eq!(decide(&account, load(1, 30_000, 50_000), 10), Gate::Open);
    assert_eq!(decide(&account, load(2, 60_000, 50_000), 10), closed(GateReason::Draining, Some(500)));
    assert_eq!(decide(&account, load(0, 0, 500_000), 10), Gate::Open);
    assert_eq!(decide(&account, load(2, 60_000, 50_000), 500), Gate::Open);
    let room = room(&account, &load(2, 60_000, 0), at(10), "").unwrap();
    assert!((39_998..=40_001).contains(&room.left) && room.resets_at == Some(at(500)) && room.size == 1_000_000, "{room:?}");
    let half = sized(self::account(LimitStatus::Allowed, Some(0.5), Some(500)));
    assert_eq!(decide(&half, load(1, 100_000, 400_000), 10), Gate::Open, "it fits to the last token");
    assert_eq!(decide(&half, load(1, 100_000, 400_001), 10), closed(GateReason::Draining, Some(500)));
    assert_eq!(super::room(&half, &load(1, 0, 0), at(500), "").unwrap().resets_at, None, "a reset that is there is no longer ahead");
}

/// Limits R5: what was heard of a window without a reset instant is believed for a time, after which the account opens by itself: a full window that was
/// refused for a probe five minutes later, one that was only told to be full after its length.
#[test]
fn a_full_window_without_a_reset_opens_again() {
    let minutes = 60_000;
    let refused = account(LimitStatus::Rejected, Some(1.0), None);
    assert_eq!(decide(&refused, load(0, 0, 0), 4 * minutes).closed().map(|closed| closed.reason), Some(GateReason::Limit));
    assert_eq!(decide(&refused, load(0, 0, 0), 6 * minutes), Gate::OpenForProbe);
    let full = account(LimitStatus::Warning, Some(1.0), None);
    let closed = decide(&full, load(0, 0, 0), 6 * minutes).closed().unwrap();
    assert_eq!(closed.reason, GateReason::Reserve);
    assert!(decide(&full, load(0, 0, 0), closed.until.unwrap().as_millis()).is_open());
}

/// limits R4: the owner's reserve, threshold, quiet hours and pause.
#[test]
fn the_owners_wishes_hold() {
    let mut account = account(LimitStatus::Allowed, Some(0.85), Some(90_000_000));
    account.reserve = 0.2;
    assert_eq!(decide(&account, load(0, 0, 0), 10), closed(GateReason::Reserve, Some(90_000_000)));
    // "Leave me 20 % between 9 and 18": the reserve holds in these hours only.
    let hour = 3_600_000;
    account.policy.reserve_hours = vec!["09:00-18:00".parse().unwrap()];
    assert_eq!(decide(&account, load(0, 0, 0), 10 * hour), closed(GateReason::Reserve, Some(18 * hour)));
    assert_eq!(decide(&account, load(0, 0, 0), 18 * hour), Gate::Open);
    account.policy.zone = read_zone("Asia/Tokyo").unwrap();
    assert_eq!(decide(&account, load(0, 0, 0), 10 * hour), Gate::Open);
    assert_eq!(decide(&account, load(0, 0, 0), hour), closed(GateReason::Reserve, Some(9 * hour)));
    // A threshold that is as low holds in all hours.
    account.policy.stop_at = Some(0.8);
    assert_eq!(decide(&account, load(0, 0, 0), hour), closed(GateReason::Reserve, Some(90_000_000)));
    account.policy.stop_at = Some(0.7);
    assert_eq!(decide(&account, load(0, 0, 0), 10 * hour), closed(GateReason::Reserve, Some(90_000_000)));
    account.policy = AccountPolicy { quiet: vec!["23:00-07:00".parse().unwrap()], ..AccountPolicy::default() };
    account.reserve = 0.0;
    assert_eq!(decide(&account, load(0, 0, 0), 6 * hour), closed(GateReason::Quiet, Some(7 * hour)));
    assert_eq!(decide(&account, load(0, 0, 0), 7 * hour), Gate::Open);
    account.paused = true;
    assert_eq!(decide(&account, load(0, 0, 0), 10), closed(GateReason::Paused, None));
    assert!(read_zone("Mars/Olympus").is_err());
}

/// limits R4: a zone is known by its name; no name is UTC.
#[test]
fn zones_are_read_by_their_names() {
    for (name, shown) in [("", "UTC"), ("UTC", "UTC"), ("Asia/Tokyo", "Asia/Tokyo")] {
        let policy = AccountPolicy { zone: read_zone(name).unwrap(), ..AccountPolicy::default() };
        assert_eq!(policy.zone_name(), shown, "{name}");
    }
}

/// limits R1, F-054: a model family's limit blocks only that family, and paying from extra credit is not a stop.
#[test]
fn families_and_overage() {
    let mut account = account(LimitStatus::Warning, Some(0.5), Some(900));
    account.observe(&notice("seven_day_opus", LimitStatus::Rejected, Some(1.0), Some(500)), at(1));
    assert_eq!(gate(&account, &load(0, 0, 0), at(2), "claude-sonnet-4-5"), Gate::Open);
    assert_eq!(gate(&account, &load(0, 0, 0), at(2), "claude-opus-4-5"), closed(GateReason::Limit, Some(500)));
}

/// limits R1: without evidence an account is open.
#[test]
fn without_evidence_it_is_open() {
    let account = Account::new(AccountId::from_trusted("new"), "New", at(0));
    assert_eq!(decide(&account, load(9, 9, 9), 10), Gate::Open);
}

/// limits R8: the length of a window is read from its name.
#[test]
fn names_tell_lengths() {
    let hours = ["five_hour", "seven_day_opus", "30_day", "90_minute", "primary", "monthly_spend", "0_day"]
        .map(|name| span_of(name).map(|span| span / 1_800_000));
    assert_eq!(hours, [Some(10), Some(336), Some(1_440), Some(3), None, None, None]);
}

/// limits R8: filler work runs behind the even pace of a window, never on what regular work could still use, never where nothing is known.
#[test]
fn filler_takes_what_would_expire() {
    let hour = 3_600_000;
    let account = |used| sized(account(LimitStatus::Allowed, Some(used), Some(5 * hour)));
    let may = |used, now| filler_may_run(&account(used), &load(1, 50_000, 50_000), at(now), "");
    assert!(!may(0.2, hour), "0.2 used + 0.1 expected, 0.2 at an even pace");
    assert!(may(0.2, 4 * hour), "one hour before the reset 0.8 would be used");
    assert!(!may(0.75, 4 * hour));
    assert!(!may(0.0, 5 * hour), "a new cycle has nothing that expires soon");
    let mut kept = account(0.2);
    kept.policy.stop_at = Some(0.25);
    assert!(!filler_may_run(&kept, &load(0, 0, 100_000), at(4 * hour), ""));
    let unnamed = Account { windows: Vec::new(), ..account(0.0) };
    assert!(filler_may_run(&unnamed, &load(0, 0, 0), at(0), ""));
    let mut unknown = account(0.1);
    unknown.windows[0].used = None;
    assert!(!filler_may_run(&unknown, &load(0, 0, 0), at(4 * hour), ""));
}

proptest! {
    /// limits R6: an idle account with nobody's wish against it opens by itself: no state closes it for ever.
    #[test]
    fn nothing_closes_an_idle_account_for_ever(
        rejected in any::<bool>(), used in prop::option::of(0.0..2.0_f64), resets_at in prop::option::of(0_i64..1_000_000), next in 0_u64..2_000_000,
    ) {
        let status = if rejected { LimitStatus::Rejected } else { LimitStatus::Warning };
        let account = sized(account(status, used, resets_at));
        // A window used up without a known reset waits for evidence or for the person who sees it.
        prop_assume!(resets_at.is_some() || used.unwrap_or(0.0) < 1.0);
        prop_assert!(decide(&account, load(0, 0, next), 1_000_001).is_open());
    }

    /// limits R1 to R4: a closed gate with an instant lies ahead, so that nobody looks again and again.
    #[test]
    fn closed_gates_look_ahead(
        used in 0.0..1.2_f64, reserve in 0.0..1.0_f64, resets_at in 0_i64..200_000_000, now in 0_i64..200_000_000, running in 0_u32..3,
        hours in prop::collection::vec((0_u16..1_440, 0_u16..1_440), 0..3), quiet in any::<bool>(),
    ) {
        let mut account = sized(account(LimitStatus::Rejected, Some(used), Some(resets_at)));
        account.reserve = reserve;
        let hours: Vec<_> = hours.into_iter().map(|(from, to)| DayHours { from, to }).collect();
        if quiet { account.policy.quiet = hours } else { account.policy.reserve_hours = hours }
        account.policy.zone = read_zone("America/New_York").unwrap();
        if let Some(closed) = decide(&account, load(running, 0, 500_000), now).closed() {
            prop_assert!(closed.until.is_none_or(|until| until > at(now)), "{closed:?}");
        }
    }
}

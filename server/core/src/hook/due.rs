//! When a hook with a schedule is due (F-137). Daylight saving follows the crate that reads the calendar: a fixed time in the hour that does not
//! exist comes right after it, one in the hour that comes twice runs once; patterns with `*` or steps run in every hour that exists.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;

use super::model::{Missed, Trigger};
use crate::limits::read_zone;
use crate::time::Timestamp;

/// A due time this long ago, in milliseconds, counts as missed.
pub const LATE_MS: i64 = 60_000;
/// Most runs that one look starts for a hook.
pub const MAX_AT_ONCE: usize = 100;

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The due times that get a run each, oldest first.
    pub fire: Vec<Timestamp>,
    /// The next due time.
    pub next: Option<Timestamp>,
}

/// A calendar pattern with its zone.
pub(super) fn calendar(expression: &str, zone: &str) -> Result<(Cron, jiff::tz::TimeZone), (&'static str, String)> {
    let zone = if zone.is_empty() { Ok(jiff::tz::TimeZone::UTC) } else { read_zone(zone) };
    let zone =
        zone.map_err(|_| ("zone", "is no time zone that this server knows; write an IANA name such as `Europe/Berlin`".to_owned()))?;
    // The crate reads an empty part of a list as no value at all; where a field has no other, it would look for a time that never comes, for minutes.
    if expression.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
        return Err((
            "expression",
            "has a list with an empty part; write each value between commas, for example `0,30 2 * * *`".to_owned(),
        ));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(expression).map_err(|error| {
        let why: String = error.to_string().chars().take(200).collect();
        ("expression", format!("is no pattern of five fields (minute hour day month weekday), for example `30 2 * * MON-FRI`: {why}"))
    })?;
    Ok((cron, zone))
}

fn zoned(at: Timestamp, zone: &jiff::tz::TimeZone) -> Option<Zoned> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(|at| at.to_zoned(zone.clone()))
}

fn instant(at: &Zoned) -> Timestamp {
    Timestamp::from_millis(at.timestamp().as_millisecond())
}

/// The period of a trigger that repeats: the longer of interval and cooldown (F-137).
fn period(every_ms: u64, cooldown_ms: u64) -> i64 {
    i64::try_from(every_ms.max(cooldown_ms)).unwrap_or(i64::MAX).max(1)
}

/// The first due time of a hook that is made or enabled at `from`: after one interval, or at the next time of the calendar (D-65).
#[must_use]
pub fn first_due(trigger: &Trigger, cooldown_ms: u64, from: Timestamp) -> Option<Timestamp> {
    match trigger {
        Trigger::Periodic { every_ms } => Some(from.plus_millis(period(*every_ms, cooldown_ms))),
        Trigger::Cron { .. } => next_due(trigger, 0, from),
        Trigger::Event { .. } | Trigger::Manual => None,
    }
}

/// The next due time after one at `after`, at least the cooldown later.
#[must_use]
pub fn next_due(trigger: &Trigger, cooldown_ms: u64, after: Timestamp) -> Option<Timestamp> {
    match trigger {
        Trigger::Periodic { every_ms } => Some(after.plus_millis(period(*every_ms, cooldown_ms))),
        Trigger::Cron { expression, zone } => {
            let (cron, zone) = calendar(expression, zone).ok()?;
            // Times of a calendar are whole seconds, and parts of one are not looked at: the first whole second after the cooldown may be one.
            let cooldown = i64::try_from(cooldown_ms).unwrap_or(i64::MAX);
            let rest = after.plus_millis(cooldown).as_millis().rem_euclid(1_000);
            let from = after.plus_millis(cooldown).plus_millis((1_000 - rest) % 1_000);
            let (from, inclusive) = if cooldown > 0 { (from, true) } else { (after, false) };
            cron.find_next_occurrence(&zoned(from, &zone)?, inclusive).ok().map(|at| instant(&at))
        }
        Trigger::Event { .. } | Trigger::Manual => None,
    }
}

/// The due times from `from` to `now`, newest first, at most [`MAX_AT_ONCE`].
fn passed(trigger: &Trigger, cooldown_ms: u64, from: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let mut times = Vec::new();
    match trigger {
        Trigger::Periodic { every_ms } => {
            let period = period(*every_ms, cooldown_ms);
            let mut at = from.plus_millis(now.millis_since(from).div_euclid(period).saturating_mul(period));
            while at >= from && times.len() < MAX_AT_ONCE {
                times.push(at);
                at = at.plus_millis(period.saturating_neg());
            }
        }
        Trigger::Cron { expression, zone } => {
            let Ok((cron, zone)) = calendar(expression, zone) else { return times };
            let mut inclusive = true;
            let mut at = zoned(now, &zone);
            while let Some(start) = at.filter(|_| times.len() < MAX_AT_ONCE) {
                let Ok(found) = cron.find_previous_occurrence(&start, inclusive) else { break };
                let time = instant(&found);
                // The due time itself counts even where the calendar was changed since.
                if time < from {
                    break;
                }
                let spaced = times.last().is_none_or(|last: &Timestamp| {
                    cooldown_ms == 0 || last.millis_since(time) >= i64::try_from(cooldown_ms).unwrap_or(i64::MAX)
                });
                if spaced {
                    times.push(time);
                }
                inclusive = false;
                at = Some(found);
            }
            if times.is_empty() {
                times.push(from);
            }
        }
        Trigger::Event { .. } | Trigger::Manual => {}
    }
    times
}

/// What is due at `now` for a hook that was due at `due_at`; nothing when that is still to come.
#[must_use]
pub fn due(trigger: &Trigger, cooldown_ms: u64, missed: Missed, due_at: Timestamp, now: Timestamp) -> Due {
    if due_at > now {
        return Due { fire: Vec::new(), next: Some(due_at) };
    }
    let mut times = passed(trigger, cooldown_ms, due_at, now);
    let last = times.first().copied().unwrap_or(due_at);
    match missed {
        Missed::Skip => {
            times.truncate(1);
            times.retain(|time| now.millis_since(*time) <= LATE_MS);
        }
        Missed::Once => times.truncate(1),
        Missed::All => times.reverse(),
    }
    Due { fire: times, next: next_due(trigger, cooldown_ms, last) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn text(at: Timestamp) -> String {
        jiff::Timestamp::from_millisecond(at.as_millis()).unwrap().to_string()
    }

    fn cron(expression: &str, zone: &str) -> Trigger {
        Trigger::Cron { expression: expression.into(), zone: zone.into() }
    }

    fn series(trigger: &Trigger, from: &str, count: usize) -> Vec<String> {
        let mut time = at(from);
        (0..count)
            .map(|_| {
                time = next_due(trigger, 0, time).unwrap();
                text(time)
            })
            .collect()
    }

    /// F-137, D-65: first after one interval, then every max(interval, cooldown).
    #[test]
    fn periods_are_the_longer_of_interval_and_cooldown() {
        let hourly = Trigger::Periodic { every_ms: 3_600_000 };
        assert_eq!(first_due(&hourly, 0, at("2026-01-01T00:00:00Z")), Some(at("2026-01-01T01:00:00Z")));
        assert_eq!(first_due(&hourly, 7_200_000, at("2026-01-01T00:00:00Z")), Some(at("2026-01-01T02:00:00Z")));
        assert_eq!(first_due(&Trigger::Manual, 0, at("2026-01-01T00:00:00Z")), None);
    }

    /// Hook R3: calendar times are those of the zone.
    #[test]
    fn calendar_times_follow_their_zone() {
        let berlin = cron("30 2 * * *", "Europe/Berlin");
        assert_eq!(series(&berlin, "2026-01-10T00:00:00Z", 2), ["2026-01-10T01:30:00Z", "2026-01-11T01:30:00Z"]);
        assert_eq!(series(&cron("0 9 * * MON-FRI", ""), "2026-01-09T09:00:00Z", 1), ["2026-01-12T09:00:00Z"]);
        let spaced = next_due(&cron("*/10 * * * *", ""), 25 * 60_000, at("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(text(spaced), "2026-01-01T00:30:00Z");
    }

    /// Hook R3: a list with an empty part is refused at once, also in a hook that was kept before it was.
    #[test]
    fn lists_with_an_empty_part_are_refused() {
        for expression in [", * * * *", ",, * * */1 *", "0,,30 * * * *", "0 2, * * *", "0 2 * * MON,"] {
            let (field, why) = calendar(expression, "").unwrap_err();
            assert_eq!(field, "expression");
            assert!(why.contains("empty part"), "{expression}: {why}");
            assert_eq!(next_due(&cron(expression, ""), 0, at("2026-01-01T00:00:00Z")), None, "{expression}");
        }
        calendar("0,30 2 1,15 * MON,FRI", "").unwrap();
    }

    /// Hook R3: on 29 March 2026 Berlin has no 02:30; the fixed time comes right after the gap, the pattern leaves it out.
    #[test]
    fn a_time_in_the_missing_hour_comes_after_it() {
        let fixed = series(&cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", 2);
        assert_eq!(fixed, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        let pattern = series(&cron("*/30 * * * *", "Europe/Berlin"), "2026-03-29T00:00:00Z", 4);
        assert_eq!(pattern, ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z"]);
    }

    /// Hook R3: on 25 October 2026 Berlin has 02:30 twice; the fixed time runs once, the pattern in both hours.
    #[test]
    fn a_time_in_the_double_hour_comes_once() {
        let fixed = series(&cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", 2);
        assert_eq!(fixed, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        let pattern = series(&cron("*/30 * * * *", "Europe/Berlin"), "2026-10-25T00:00:00Z", 4);
        assert_eq!(pattern, ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"]);
    }

    /// Hook R4: missed times by policy.
    #[test]
    fn missed_times_go_by_policy() {
        let hourly = cron("0 * * * *", "Europe/Berlin");
        let (due_at, now) = (at("2026-01-01T01:00:00Z"), at("2026-01-01T04:30:00Z"));
        let fired = |missed| due(&hourly, 0, missed, due_at, now).fire.into_iter().map(text).collect::<Vec<_>>();
        assert!(fired(Missed::Skip).is_empty());
        assert_eq!(fired(Missed::Once), ["2026-01-01T04:00:00Z"]);
        let all = ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z"];
        assert_eq!(fired(Missed::All), all);
        for missed in Missed::ALL {
            assert_eq!(due(&hourly, 0, *missed, due_at, now).next, Some(at("2026-01-01T05:00:00Z")));
            let in_time = due(&hourly, 0, *missed, due_at, due_at.plus_millis(20));
            assert_eq!(in_time.fire, [due_at], "{missed}");
            assert_eq!(due(&hourly, 0, *missed, due_at, due_at).fire, [due_at], "{missed}");
            assert!(due(&hourly, 0, *missed, due_at, due_at.plus_millis(-1)).fire.is_empty());
        }
        let minutely = Trigger::Periodic { every_ms: 60_000 };
        let year = due(&minutely, 0, Missed::All, due_at, at("2027-01-01T01:00:30Z"));
        assert_eq!((year.fire.len(), year.fire.last().copied().map(text)), (MAX_AT_ONCE, Some("2027-01-01T01:00:00Z".to_owned())));
        assert_eq!(year.next, Some(at("2027-01-01T01:01:00Z")));
        let day = due(&cron("* * * * *", ""), 0, Missed::All, due_at, at("2026-01-02T01:00:30Z"));
        assert_eq!((day.fire.len(), day.fire.last().copied().map(text)), (MAX_AT_ONCE, Some("2026-01-02T01:00:00Z".to_owned())));
    }

    /// Hook R3, R4: missed times of a calendar are at least the cooldown apart, counted back from the newest.
    #[test]
    fn missed_times_keep_the_cooldown() {
        let fired = |minutes: u64| {
            let (due_at, now) = (at("2026-01-01T01:00:00Z"), at("2026-01-01T02:05:00Z"));
            let times = due(&cron("*/10 * * * *", ""), minutes * 60_000, Missed::All, due_at, now).fire;
            times.into_iter().map(|time| text(time)[14..16].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            (fired(0).len(), fired(20), fired(21)),
            (7, ["00", "20", "40", "00"].map(Into::into).into(), ["00", "30", "00"].map(Into::into).into())
        );
    }

    /// Hook R4: a cooldown that is less than a second does not give the time that was due once more.
    #[test]
    fn a_short_cooldown_gives_no_time_twice() {
        let (hourly, due_at) = (cron("0 * * * *", "Europe/Berlin"), at("2026-01-01T01:00:00Z"));
        for cooldown in [0, 1, 999, 1_000, 1_001, 3_599_001, 3_600_000] {
            assert_eq!(next_due(&hourly, cooldown, due_at), Some(at("2026-01-01T02:00:00Z")), "{cooldown}");
        }
        assert_eq!(next_due(&hourly, 3_600_001, due_at), Some(at("2026-01-01T03:00:00Z")));
    }

    proptest! {
        /// Hook R4: due times are in order, not in the future, and the next one is; looking twice starts nothing twice.
        #[test]
        fn looking_is_steady(every in 10_000_u64..10_000_000, cooldown in prop_oneof![0_u64..2_000, 0_u64..10_000_000], late in 0_i64..100_000_000, policy in 0..3_usize, calendar in any::<bool>()) {
            let trigger = if calendar { cron("*/7 3-20 * * *", "America/New_York") } else { Trigger::Periodic { every_ms: every } };
            let missed = Missed::ALL[policy];
            let start = first_due(&trigger, cooldown, at("2026-03-07T23:00:00Z")).unwrap();
            let now = start.plus_millis(late);
            let found = due(&trigger, cooldown, missed, start, now);
            prop_assert!(found.fire.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(found.fire.iter().all(|time| *time >= start && *time <= now));
            let next = found.next.unwrap();
            prop_assert!(next > now || (calendar && cooldown == 0 && next >= now) || cooldown > 0, "{} {}", text(next), text(now));
            prop_assert!(found.fire.iter().all(|time| next > *time));
            if next > now {
                prop_assert!(due(&trigger, cooldown, missed, next, now).fire.is_empty());
            }
        }
    }
}

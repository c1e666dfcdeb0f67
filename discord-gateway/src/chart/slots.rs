//! Spans of time and what stands below them. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// How far back a report goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// 24 hours, one by one.
    Day,
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
}

impl Over {
    /// From the word of an option.
    pub(crate) fn named(word: Option<&str>) -> Self {
        match word {
            Some("day") => Self::Day,
            Some("month") => Self::Month,
            _ => Self::Week,
        }
    }

    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Day => "the last 24 hours",
            Self::Week => "the last 7 days",
            Self::Month => "the last 30 days",
        }
    }
}

/// A piece of the time that is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// First second.
    pub(crate) from: i64,
    /// First second behind it.
    pub(crate) until: i64,
    /// What stands below it; often nothing, so that labels have room.
    pub(crate) label: String,
}

/// The pieces up to and with the present one, oldest first. Hours begin where hours begin in the zone, days at midnight there.
pub(crate) fn slots(over: Over, now_ms: i64, zone: &str) -> Vec<Slot> {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let Ok(now) = Timestamp::from_millisecond(now_ms).map(|now| now.to_zoned(zone)) else { return Vec::new() };
    let found = match over {
        Over::Day => hours(&now),
        Over::Week => days(&now, 7, 1),
        Over::Month => days(&now, 30, 5),
    };
    found.unwrap_or_default()
}

fn hours(now: &Zoned) -> Option<Vec<Slot>> {
    let past = i64::from(now.minute()) * 60 + i64::from(now.second());
    let this = now.timestamp().as_second() - past;
    let slot = |back: i64| {
        let from = this - back * 3600;
        let at = Timestamp::from_second(from).ok()?.to_zoned(now.time_zone().clone());
        let label = if at.hour() % 4 == 0 { at.strftime("%H:00").to_string() } else { String::new() };
        Some(Slot { from, until: from + 3600, label })
    };
    (0..24).rev().map(slot).collect()
}

fn days(now: &Zoned, count: i32, each: i32) -> Option<Vec<Slot>> {
    let midnight = |day: Date| day.to_zoned(now.time_zone().clone()).map(|at| at.timestamp().as_second()).ok();
    let slot = |back: i32| {
        let day = now.date().checked_sub(back.days()).ok()?;
        let label = match (each, back % each) {
            (1, _) => day.strftime("%a %-d").to_string(),
            (_, 0) => day.strftime("%-d %b").to_string(),
            _ => String::new(),
        };
        Some(Slot { from: midnight(day)?, until: midnight(day.tomorrow().ok()?)?, label })
    };
    (0..count).rev().map(slot).collect()
}

/// Round instants within a span, at most six, with what stands there: hours within two days, else days.
pub(super) fn times(from: i64, until: i64, zone: &str) -> Vec<(f64, String)> {
    const STEPS: [i64; 10] = [300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800];
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let span = until - from;
    let step = STEPS.into_iter().find(|step| span / step <= 5).unwrap_or(604_800);
    let mut made = Vec::new();
    let Ok(begin) = Timestamp::from_second(from).map(|at| at.to_zoned(zone.clone())) else { return made };
    // Round in the reader's zone, whose midnight is not that of UTC.
    let Ok(midnight) = begin.date().to_zoned(zone.clone()) else { return made };
    let first = midnight.timestamp().as_second();
    let mut at = first + (from - first + step - 1) / step * step;
    while at <= until {
        if let Ok(shown) = Timestamp::from_second(at) {
            let format = if step < 86_400 { "%H:%M" } else { "%a %-d" };
            #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
            made.push((at as f64, shown.to_zoned(zone.clone()).strftime(format).to_string()));
        }
        at += step;
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// Charts R4: days begin at midnight of the zone, also where a day has 25 hours; every second belongs to one slot.
    #[test]
    fn slots_follow_each_other() {
        for over in [Over::Day, Over::Week, Over::Month] {
            let now = ms("2026-10-27T11:30:00Z");
            let found = slots(over, now, "Europe/Vienna");
            assert!(found.windows(2).all(|pair| pair[0].until == pair[1].from));
            let last = found.last().unwrap();
            assert!(last.from <= now / 1000 && now / 1000 < last.until);
            assert!(found.iter().filter(|slot| !slot.label.is_empty()).count() <= 7);
        }
        let week = slots(Over::Week, ms("2026-10-27T11:30:00Z"), "Europe/Vienna");
        let long = week.iter().find(|slot| slot.label == "Sun 25").unwrap();
        assert_eq!(long.until - long.from, 25 * 3600);
        assert_eq!(slots(Over::Day, ms("2026-10-27T11:30:00Z"), "Europe/Vienna").len(), 24);
    }

    /// Charts R4: few round instants, in the reader's zone.
    #[test]
    fn instants_are_round() {
        let labels = |from, until| {
            let found = times(ms(from) / 1000, ms(until) / 1000, "Europe/Vienna");
            found.into_iter().map(|(_, label)| label).collect::<Vec<_>>()
        };
        assert_eq!(labels("2026-01-10T09:10:00Z", "2026-01-10T10:05:00Z"), ["10:10", "10:20", "10:30", "10:40", "10:50", "11:00"]);
        assert_eq!(labels("2026-01-10T09:10:00Z", "2026-01-10T23:05:00Z"), ["12:00", "16:00", "20:00", "00:00"]);
        assert_eq!(labels("2026-01-10T09:10:00Z", "2026-01-14T09:10:00Z"), ["Sun 11", "Mon 12", "Tue 13", "Wed 14"]);
    }
}

//! The reset instant in Codex's words, for when no usage window told it: `try again at 6:40 PM`, `try again at Nov 28th, 2026 11:28 PM`,
//! `try again in 3 days 2 hours`.
//!
//! Spec: specs/server/runner/codex.md

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::runtimes::clock_text::{month_number, read_time};

/// The instant in milliseconds since the Unix epoch, read in the light of when it was said and in the zone that the program tells times in.
pub(super) fn reset_instant(words: &str, zone: &str, said_at_ms: i64) -> Option<i64> {
    let lower = words.to_lowercase();
    if let Some((_, when)) = lower.split_once("try again in ") {
        return said_at_ms.checked_add(length_ms(when)?);
    }
    let (_, when) = lower.split_once("try again at ")?;
    let when = when.trim().trim_end_matches('.');
    let said_at = Timestamp::from_millisecond(said_at_ms).ok()?.to_zoned(read_zone(zone));
    let (day, clock) = match when.split_once(", ") {
        Some((day, rest)) => {
            let (year, clock) = rest.split_once(' ')?;
            (Some(read_date(day, year)?), clock)
        }
        None => (None, when),
    };
    let time = read_time(clock.trim())?;
    let on = |date: Date| date.to_datetime(time).to_zoned(said_at.time_zone().clone()).ok();
    let zoned = match day {
        Some(date) => on(date)?,
        // Only minutes are told: what seems to have just passed is meant by now, not by tomorrow.
        None => {
            let today = on(said_at.date())?;
            let floor = said_at.checked_sub(1.minute()).ok()?;
            if today > floor { today } else { today.checked_add(1.day()).ok()? }
        }
    };
    Some(zoned.timestamp().as_millisecond())
}

/// A zone by its name or its POSIX rule; UTC when neither is understood.
fn read_zone(name: &str) -> TimeZone {
    let name = name.trim_start_matches(':');
    TimeZone::get(name).or_else(|_| TimeZone::posix(name)).unwrap_or(TimeZone::UTC)
}

/// `nov 28th` of a year.
fn read_date(day: &str, year: &str) -> Option<Date> {
    let (month, day) = day.trim().split_once(' ')?;
    let day = day.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    Date::new(year.parse().ok()?, month_number(month)?, day.parse().ok()?).ok()
}

/// `3 days 2 hours 5 minutes`, up to the first word that is no length.
fn length_ms(words: &str) -> Option<i64> {
    let mut words = words.split([' ', ',']).filter(|word| !word.is_empty());
    let mut total = 0_i64;
    while let Some(count) = words.next().and_then(|word| word.parse::<i64>().ok()) {
        let unit = words.next()?.trim_end_matches('.');
        let seconds = match unit.trim_end_matches('s') {
            "second" | "sec" => 1,
            "minute" | "min" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            _ => break,
        };
        total = total.checked_add(count.checked_mul(seconds)?)?;
    }
    (total > 0).then(|| total.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::reset_instant;

    fn millis(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    /// Codex R7: times are read in the program's zone; days, lengths, noon and midnight are right; nonsense is nothing.
    #[test]
    fn reads_the_words_of_the_cli() {
        let said = millis("2026-11-27T22:28:24Z");
        let read = |words: &str, zone: &str| reset_instant(words, zone, said);
        let words = "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro) or try again at 11:28 PM.";
        assert_eq!(read(words, "UTC"), Some(millis("2026-11-27T23:28:00Z")));
        assert_eq!(read("try again at 12:05 AM.", "Europe/Vienna"), Some(millis("2026-11-27T23:05:00Z")));
        assert_eq!(read("try again at 12:05 AM.", "CET-1"), Some(millis("2026-11-27T23:05:00Z")));
        assert_eq!(read("try again at Nov 28th, 2026 11:28 PM.", "America/New_York"), Some(millis("2026-11-29T04:28:00Z")));
        assert_eq!(read("try again at Jan 1st, 2027 12:00 PM.", "UTC"), Some(millis("2027-01-01T12:00:00Z")));
        assert_eq!(read("try again at 10:28 PM.", "UTC"), Some(millis("2026-11-27T22:28:00Z")));
        assert_eq!(read("try again at 10:20 PM.", "UTC"), Some(millis("2026-11-28T22:20:00Z")));
        assert_eq!(read("Try again in 1 day 2 hours 3 minutes.", "UTC"), Some(said + 93_780_000));
        for nonsense in ["try again later.", "try again at noon", "try again in a while", "try again at Foo 3rd, 2026 1:00 PM", ""] {
            assert_eq!(read(nonsense, "UTC"), None, "{nonsense}");
        }
    }
}

//! The reset instant in words, for when no event told it: `resets 6:25pm (UTC)`, `resets Nov 23, 12:58am (Europe/Vienna)`.
//!
//! Spec: specs/server/runner/runtimes.md

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::runtimes::clock_text::{month_number, read_time};

/// The instant in milliseconds since the Unix epoch, read in the light of when it was said: the first such time after `said_at_ms`, or the
/// minute that it was said in.
pub(in crate::runtimes) fn reset_instant(words: &str, said_at_ms: i64) -> Option<i64> {
    let (_, rest) = words.split_once("resets ")?;
    let (when, rest) = rest.split_once('(')?;
    let (zone, _) = rest.split_once(')')?;
    let zone = if zone == "UTC" { TimeZone::UTC } else { TimeZone::get(zone).ok()? };
    let said_at = Timestamp::from_millisecond(said_at_ms).ok()?.to_zoned(zone);
    let when = when.trim().to_lowercase();
    let (day, clock) = match when.rsplit_once(',') {
        Some((day, clock)) => (Some(day.trim()), clock.trim()),
        None => (None, when.as_str()),
    };
    let time = read_time(clock)?;
    let zoned = match day {
        Some(day) => next_date(day, &said_at)?.to_datetime(time).to_zoned(said_at.time_zone().clone()).ok()?,
        // Only minutes are told: what seems to have just passed is meant by now, not by tomorrow, which would close an account for a day.
        None => {
            let today = said_at.date().to_datetime(time).to_zoned(said_at.time_zone().clone()).ok()?;
            let floor = said_at.checked_sub(1.minute()).ok()?;
            if today > floor { today } else { today.checked_add(1.day()).ok()? }
        }
    };
    Some(zoned.timestamp().as_millisecond())
}

/// `nov 23`, this year or the next, whichever comes first after now.
fn next_date(day: &str, said_at: &Zoned) -> Option<Date> {
    let (month, day) = day.split_once(' ')?;
    let (month, day) = (month_number(month)?, day.trim().parse().ok()?);
    let this_year = Date::new(said_at.year(), month, day).ok()?;
    if this_year >= said_at.date() { Some(this_year) } else { Date::new(said_at.year() + 1, month, day).ok() }
}

#[cfg(test)]
mod tests {
    use super::reset_instant;

    fn millis(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    /// Claude R5, acp R10: times of day mean the next such time; dates may be of next year; noon and midnight are right; nonsense is nothing.
    #[test]
    fn reads_the_words_of_the_cli() {
        let said = millis("2026-11-20T17:30:00Z");
        let read = |words: &str| reset_instant(words, said);
        assert_eq!(read("You've hit your session limit · resets 6:25pm (UTC)"), Some(millis("2026-11-20T18:25:00Z")));
        assert_eq!(read("resets 5:30pm (UTC)"), Some(said), "the minute it was said in");
        assert_eq!(reset_instant("resets 5:30pm (UTC)", said + 59_000), Some(said), "the minute it was said in");
        assert_eq!(reset_instant("resets 5:30pm (UTC)", said + 60_000), Some(millis("2026-11-21T17:30:00Z")));
        assert_eq!(read("resets 2pm (UTC)"), Some(millis("2026-11-21T14:00:00Z")));
        assert_eq!(read("resets Nov 23, 12:58am (UTC)"), Some(millis("2026-11-23T00:58:00Z")));
        assert_eq!(read("resets Jan 2, 12pm (UTC)"), Some(millis("2027-01-02T12:00:00Z")));
        for nonsense in
            ["resets soon (UTC)", "resets 6:25pm", "resets 13pm (UTC)", "resets 1pm (Nowhere/None)", "", "resets Foo 3, 1pm (UTC)"]
        {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}

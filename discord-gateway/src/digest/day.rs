//! Days and hours in a time zone. Pure.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

fn zoned(now_ms: i64, zone: &str) -> Option<Zoned> {
    let zone = TimeZone::get(zone).ok()?;
    Some(Timestamp::from_millisecond(now_ms).ok()?.to_zoned(zone))
}

fn minute(time: &Zoned) -> i64 {
    i64::from(time.hour()) * 60 + i64::from(time.minute())
}

/// True within the hours, which may pass midnight; the same minute twice means never.
pub(crate) fn is_quiet(hours: Option<(u16, u16)>, now_ms: i64, zone: &str) -> bool {
    let (Some((from, to)), Some(now)) = (hours, zoned(now_ms, zone)) else { return false };
    let (from, to, now) = (i64::from(from), i64::from(to), minute(&now));
    if from <= to { (from..to).contains(&now) } else { now >= from || now < to }
}

/// The next instant at which it is `at` o'clock, in milliseconds since 1970, and the name of that day. An hour that a day does not have is told
/// with the next that there is.
pub(super) fn next(at: u16, now_ms: i64, zone: &str) -> Option<(i64, String)> {
    let now = zoned(now_ms, zone)?;
    let hour = i8::try_from(at / 60).ok()?;
    let minute = i8::try_from(at % 60).ok()?;
    let on = |day: jiff::civil::Date| day.at(hour, minute, 0, 0).to_zoned(now.time_zone().clone()).ok();
    let mut found = on(now.date())?;
    if found.timestamp() <= now.timestamp() {
        found = on(now.date().checked_add(1.day()).ok()?)?;
    }
    Some((found.timestamp().as_millisecond(), found.date().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// Events R7: hours within a day and over midnight, in the zone.
    #[test]
    fn quiet_hours() {
        let night = Some((22 * 60, 7 * 60));
        for (time, quiet) in [("20:59", false), ("21:00", true), ("23:30", true), ("05:59", true), ("06:00", false)] {
            assert_eq!(is_quiet(night, ms(&format!("2026-01-10T{time}:00Z")), "Europe/Vienna"), quiet, "{time}");
        }
        assert!(is_quiet(Some((60, 120)), ms("2026-01-10T01:30:00Z"), "UTC"));
        assert!(!is_quiet(Some((60, 60)), ms("2026-01-10T01:00:00Z"), "UTC") && !is_quiet(None, 0, "UTC"));
    }

    /// Events R8: the digest comes at its hour, also on days with another length.
    #[test]
    fn the_next_digest() {
        let at = |time: &str| next(8 * 60, ms(time), "Europe/Vienna").map(|(at, day)| (at - ms(time), day)).unwrap();
        assert_eq!(at("2026-01-10T06:00:00Z"), (3_600_000, "2026-01-10".to_owned()));
        assert_eq!(at("2026-01-10T07:00:00Z"), (86_400_000, "2026-01-11".to_owned()));
        assert_eq!(at("2026-03-28T08:00:00Z"), (22 * 3_600_000, "2026-03-29".to_owned()));
    }
}

//! Hours of the day in the owner's time zone, and when they end, also on the days on which clocks are changed.
//!
//! What is done in such hours lives in `policy`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::time::Timestamp;

/// Hours of the day, in minutes since midnight of the owner's wall clock; may pass midnight. Written `HH:MM-HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayHours {
    /// First minute inside, 0 to 1439.
    pub from: u16,
    /// First minute that is no longer inside, 0 to 1439. The same as `from`: never inside.
    pub to: u16,
}

/// Text that is not `HH:MM-HH:MM`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of hours; write it as 09:00-18:00")]
pub struct HoursError(String);

fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60 && text.trim().len() <= 5).then(|| hour * 60 + minute)
}

impl FromStr for DayHours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let read = || {
            let (from, to) = text.split_once('-')?;
            // The end of a day is written as 24:00 by many people.
            let to = if to.trim() == "24:00" { 0 } else { minute_of(to)? };
            Some(Self { from: minute_of(from)?, to })
        };
        read().filter(|hours| hours.from != hours.to).ok_or_else(|| HoursError(text.chars().take(32).collect()))
    }
}

impl fmt::Display for DayHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.from / 60, self.from % 60, self.to / 60, self.to % 60)
    }
}

/// The instant as jiff knows it; the ends of time for what lies beyond them.
fn instant(at: Timestamp) -> jiff::Timestamp {
    let beyond = if at.as_millis() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(beyond)
}

impl DayHours {
    const fn holds(self, minute: u16) -> bool {
        if self.from <= self.to { minute >= self.from && minute < self.to } else { minute >= self.from || minute < self.to }
    }

    fn shows(self, at: jiff::Timestamp, zone: &TimeZone) -> bool {
        let clock = at.to_zoned(zone.clone()).time();
        self.holds(u16::try_from(i32::from(clock.hour()) * 60 + i32::from(clock.minute())).unwrap_or(0))
    }

    /// When the hours end that the wall clock in `zone` shows at `now`; `None` when it shows none of them. The first instant at which the clock
    /// shows a minute outside, so a clock that is put forward over the end ends them at once, and one that is put back makes them longer.
    #[must_use]
    pub fn ends(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let now = instant(now);
        if !self.shows(now, zone) {
            return None;
        }
        let local = now.to_zoned(zone.clone());
        let end = Time::new(i8::try_from(self.to / 60).ok()?, i8::try_from(self.to % 60).ok()?, 0, 0).ok()?;
        let days = [Some(local.date()), local.date().tomorrow().ok()];
        let candidates = days.into_iter().flatten().flat_map(|day| {
            let there = zone.to_ambiguous_zoned(day.to_datetime(end));
            [there.clone().earlier().ok(), there.later().ok()]
        });
        let shown = candidates.flatten().map(|zoned| zoned.timestamp()).filter(|at| *at > now && !self.shows(*at, zone)).min();
        // A change of the clock may jump over the end.
        let jumped = zone.following(now).take(2).map(|change| change.timestamp()).find(|at| !self.shows(*at, zone));
        let end = match (shown, jumped) {
            (Some(shown), Some(jumped)) => shown.min(jumped),
            (shown, jumped) => shown.or(jumped)?,
        };
        Some(Timestamp::from_millis(end.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn ends(hours: &str, zone: &str, now: &str) -> Option<String> {
        let hours: DayHours = hours.parse().unwrap();
        hours.ends(at(now), &TimeZone::get(zone).unwrap()).map(|end| end.to_string())
    }

    /// limits R4: hours are those of the owner's wall clock and may pass midnight.
    #[test]
    fn hours_are_those_of_the_wall_clock() {
        assert_eq!(ends("09:00-18:00", "Europe/Vienna", "2026-11-27T08:30:00Z").unwrap(), "2026-11-27T17:00:00Z");
        assert_eq!(ends("09:00-18:00", "Europe/Vienna", "2026-11-27T07:59:00Z"), None);
        assert_eq!(ends("09:00-18:00", "Europe/Vienna", "2026-11-27T17:00:00Z"), None);
        assert_eq!(ends("22:00-07:00", "UTC", "2026-11-27T23:00:00Z").unwrap(), "2026-11-28T07:00:00Z");
        assert_eq!(ends("22:00-07:00", "UTC", "2026-11-27T06:59:59Z").unwrap(), "2026-11-27T07:00:00Z");
        assert_eq!(ends("18:00-24:00", "UTC", "2026-11-27T18:00:00Z").unwrap(), "2026-11-28T00:00:00Z");
        assert_eq!("7:05-18:00".parse::<DayHours>().unwrap().to_string(), "07:05-18:00");
        for wrong in ["", "9-18", "09:00-09:00", "24:00-09:00", "09:60-11:00", "09:00", "-1:00-02:00", "9999:00-10:00"] {
            assert!(wrong.parse::<DayHours>().is_err(), "{wrong}");
        }
        // What lies beyond the calendar counts as its first night and its last evening.
        let night = |now| "00:00-12:00".parse::<DayHours>().unwrap().ends(Timestamp::from_millis(now), &TimeZone::UTC).is_some();
        assert_eq!((night(i64::MIN), night(i64::MAX)), (true, false));
    }

    /// limits R4: on the day on which clocks are put forward (Vienna, 29 March 2026, 02:00 becomes 03:00) and on the day on which they are put back
    /// (25 October 2026, 03:00 becomes 02:00) the wall clock decides.
    #[test]
    fn changes_of_the_clock_are_heeded() {
        // The night is one hour shorter in spring and one longer in autumn.
        assert_eq!(ends("22:00-07:00", "Europe/Vienna", "2026-03-28T21:30:00Z").unwrap(), "2026-03-29T05:00:00Z");
        assert_eq!(ends("22:00-07:00", "Europe/Vienna", "2026-10-24T20:30:00Z").unwrap(), "2026-10-25T06:00:00Z");
        // 02:30 does not exist: the hours end when the clock jumps to 03:00.
        assert_eq!(ends("01:00-02:30", "Europe/Vienna", "2026-03-29T00:30:00Z").unwrap(), "2026-03-29T01:00:00Z");
        // 02:30 comes twice: the hours end at each of them.
        assert_eq!(ends("01:00-02:30", "Europe/Vienna", "2026-10-25T00:10:00Z").unwrap(), "2026-10-25T00:30:00Z");
        assert_eq!(ends("01:00-02:30", "Europe/Vienna", "2026-10-25T00:45:00Z"), None);
        assert_eq!(ends("01:00-02:30", "Europe/Vienna", "2026-10-25T01:10:00Z").unwrap(), "2026-10-25T01:30:00Z");
    }
}

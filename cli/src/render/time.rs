//! Instants and lengths of time in words (rendering R5).

use jiff::Timestamp;
use prost_types::Timestamp as WireTime;

use crate::look::Look;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The instant; `None` when it is unset or cannot be shown.
#[must_use]
pub(crate) fn instant(time: Option<&WireTime>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// A length of time in its two greatest units: `5s`, `3m 20s`, `2h 5m`, `4d 2h`.
#[must_use]
pub(crate) fn length(seconds: u64) -> String {
    let (first, second) = match seconds {
        0..MINUTE => return format!("{seconds}s"),
        MINUTE..HOUR => ((seconds / MINUTE, 'm'), (seconds % MINUTE, 's')),
        HOUR..DAY => ((seconds / HOUR, 'h'), (seconds % HOUR / MINUTE, 'm')),
        _ => ((seconds / DAY, 'd'), (seconds % DAY / HOUR, 'h')),
    };
    if second.0 == 0 { format!("{}{}", first.0, first.1) } else { format!("{}{} {}{}", first.0, first.1, second.0, second.1) }
}

/// A length of time in its greatest unit: `5s`, `3m`, `2h`, `4d`.
#[must_use]
pub(crate) fn short_length(seconds: u64) -> String {
    let text = length(seconds);
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// A limit of time; empty when unset.
#[must_use]
pub(crate) fn limit(limit: Option<&prost_types::Duration>) -> String {
    limit.and_then(|limit| u64::try_from(limit.seconds).ok()).map(length).unwrap_or_default()
}

/// `3m ago`, `in 2h`, `now`; a date when it is more than a week away. Empty when unset.
#[must_use]
pub(crate) fn relative(look: &Look, time: Option<&WireTime>) -> String {
    let Some(instant) = instant(time) else { return String::new() };
    let seconds = look.now.as_second().saturating_sub(instant.as_second());
    let away = seconds.unsigned_abs();
    if away > 7 * DAY {
        return instant.to_zoned(look.zone.clone()).strftime("%Y-%m-%d").to_string();
    }
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("{} ago", short_length(away)),
        _ => format!("in {}", short_length(away)),
    }
}

/// `2026-01-02 03:04:05` in the look's zone. Empty when unset.
#[must_use]
pub(crate) fn absolute(look: &Look, time: Option<&WireTime>) -> String {
    instant(time).map(|instant| instant.to_zoned(look.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// Absolute with the distance: `2026-01-02 03:04:05 (3m ago)`. Empty when unset.
#[must_use]
pub(crate) fn both(look: &Look, time: Option<&WireTime>) -> String {
    let absolute = absolute(look, time);
    if absolute.is_empty() { absolute } else { format!("{absolute} ({})", relative(look, time)) }
}

/// The time of day, `03:04:05`. Empty when unset.
#[must_use]
pub(crate) fn clock(look: &Look, time: Option<&WireTime>) -> String {
    instant(time).map(|instant| instant.to_zoned(look.zone.clone()).strftime("%H:%M:%S").to_string()).unwrap_or_default()
}

/// How long something took or has been going on; empty when it has not begun.
#[must_use]
pub(crate) fn span(look: &Look, from: Option<&WireTime>, to: Option<&WireTime>) -> String {
    let Some(from) = instant(from) else { return String::new() };
    let to = instant(to).unwrap_or(look.now);
    length(to.as_second().saturating_sub(from.as_second()).max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(look: &Look, seconds: i64) -> Option<WireTime> {
        Some(WireTime { seconds: look.now.as_second() - seconds, nanos: 0 })
    }

    /// rendering R5: near instants are relative, far ones are dates.
    #[test]
    fn instants_are_told_by_their_distance() {
        let look = Look::plain();
        for (seconds, text) in [
            (0, "now"),
            (5, "5s ago"),
            (185, "3m ago"),
            (-7300, "in 2h"),
            (6 * 86_400, "6d ago"),
            (8 * 86_400, "2025-12-25"),
            (-8 * 86_400, "2026-01-10"),
        ] {
            assert_eq!(relative(&look, before(&look, seconds).as_ref()), text);
        }
        assert_eq!(both(&look, before(&look, 60).as_ref()), "2026-01-02 03:03:05 (1m ago)");
        assert_eq!(relative(&look, None), "");
        assert_eq!(relative(&look, Some(&WireTime { seconds: i64::MAX, nanos: 0 })), "");
    }

    /// rendering R5: lengths have two units at most.
    #[test]
    fn lengths_have_two_units() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (200, "3m 20s"), (7500, "2h 5m"), (356_400, "4d 3h")] {
            assert_eq!(length(seconds), text);
        }
        let look = Look::plain();
        assert_eq!(span(&look, before(&look, 75).as_ref(), None), "1m 15s");
        assert_eq!(span(&look, before(&look, 75).as_ref(), before(&look, 100).as_ref()), "0s");
    }
}

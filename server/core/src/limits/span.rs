//! The length of a window, by its name.

/// The length of a window by its name, in milliseconds: `five_hour`, `seven_day_opus`, `30_minute`; `None` for names that do not tell.
#[must_use]
pub fn span_of(window: &str) -> Option<i64> {
    let mut words = window.split('_');
    let count = match words.next()? {
        "one" => 1,
        "five" => 5,
        "seven" => 7,
        number => number.parse::<i64>().ok().filter(|count| (1..=10_000).contains(count))?,
    };
    let unit = match words.next()? {
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        _ => return None,
    };
    Some(count * unit)
}

//! Times of day and months as agent programs write them.
//!
//! Which instant a program means by them is each runtime's own business.
//!
//! Spec: specs/server/runner/runtimes.md

use jiff::civil::Time;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The number of a month whose name begins with three letters of ours, in small letters; 1 to 12.
pub(in crate::runtimes) fn month_number(name: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|month| name.starts_with(month))?;
    i8::try_from(at + 1).ok()
}

/// `6:25pm`, `2 pm`, `12:58am`, in small letters.
pub(in crate::runtimes) fn read_time(clock: &str) -> Option<Time> {
    let (digits, afternoon) = match (clock.strip_suffix("pm"), clock.strip_suffix("am")) {
        (Some(digits), _) => (digits, true),
        (_, Some(digits)) => (digits, false),
        _ => return None,
    };
    let (hour, minute) = digits.trim().split_once(':').unwrap_or((digits.trim(), "0"));
    let hour: i8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let hour = hour % 12 + if afternoon { 12 } else { 0 };
    Time::new(hour, minute.parse().ok()?, 0, 0).ok()
}

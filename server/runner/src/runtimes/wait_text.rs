//! How long to wait, in a provider's words: `retry in 36.5s`, `will reset after 2h1m5s`, `try again in 3 days 2 hours`.
//!
//! Spec: specs/server/runner/runtimes.md

/// What stands before a length of time.
const BEFORE: [&str; 4] = ["retry in ", "try again in ", "reset after ", "retry after "];

/// Longest wait that is believed, in milliseconds: 60 days.
const MOST_MS: f64 = 60.0 * 86_400_000.0;

/// The wait in milliseconds, from words in small letters; `None` when they name none.
pub(in crate::runtimes) fn wait_ms(words: &str) -> Option<i64> {
    BEFORE.iter().find_map(|before| words.split_once(before).and_then(|(_, rest)| length_ms(rest)))
}

/// Numbers with their units, up to the first word that is no length.
fn length_ms(words: &str) -> Option<i64> {
    let mut rest = words.trim_start();
    let mut total = 0.0_f64;
    loop {
        let digits = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
        let Some(number) = rest.get(..digits).and_then(|number| number.trim_end_matches('.').parse::<f64>().ok()) else { break };
        let after = rest.get(digits..).unwrap_or_default().trim_start();
        let letters = after.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(after.len());
        let Some(unit) = after.get(..letters).and_then(unit_ms) else { break };
        total += number * unit;
        rest = after.get(letters..).unwrap_or_default().trim_start_matches([' ', ',']);
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded right here")]
    let whole = total.min(MOST_MS).round() as i64;
    (whole > 0).then_some(whole)
}

fn unit_ms(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hour" | "hours" => 3_600_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::wait_ms;

    /// Lengths in the ways that providers write them; nonsense is nothing, and nobody waits for years.
    #[test]
    fn reads_lengths() {
        for (words, expected) in [
            ("please retry in 36.5s.", Some(36_500)),
            ("your quota will reset after 2h1m5s.", Some(7_265_000)),
            ("try again in 3 days, 2 hours or so", Some(266_400_000)),
            ("retry after 5 seconds", Some(5000)),
            ("retry in 900ms", Some(900)),
            ("retry in 0s", None),
            ("retry in a while", None),
            ("retry in 5 bananas", None),
            ("try again later", None),
            ("retry in 99999999999 days", Some(5_184_000_000)),
        ] {
            assert_eq!(wait_ms(words), expected, "{words}");
        }
    }
}

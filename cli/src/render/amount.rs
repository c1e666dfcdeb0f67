//! Model tokens and money in words.

use aq_proto::v1::TokenUsage;

/// `950`, `12.3k`, `4.5M`.
#[must_use]
pub(crate) fn tokens(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let scaled = |unit: u64| count as f64 / unit as f64;
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{:.1}k", scaled(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1}M", scaled(1_000_000)),
        _ => format!("{:.1}G", scaled(1_000_000_000)),
    }
}

/// `1 question`, `2 questions`.
#[must_use]
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Everything that was spent, of all kinds.
#[must_use]
pub(crate) const fn total(usage: &TokenUsage) -> u64 {
    usage.input.saturating_add(usage.output).saturating_add(usage.cache_read).saturating_add(usage.cache_write)
}

/// `1.2M (in 900k, out 100k, cache read 200k)`; empty when nothing was spent.
#[must_use]
pub(crate) fn usage(usage: Option<&TokenUsage>) -> String {
    let Some(usage) = usage.filter(|usage| total(usage) > 0) else { return String::new() };
    let kinds = [("in", usage.input), ("out", usage.output), ("cache read", usage.cache_read), ("cache write", usage.cache_write)];
    let kinds: Vec<String> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {}", tokens(*count))).collect();
    format!("{} ({})", tokens(total(usage)), kinds.join(", "))
}

/// Millionths of a dollar: `$1.25`, `$0.0031` where cents are too coarse. Empty for nothing.
#[must_use]
pub(crate) fn money(micros: u64) -> String {
    let dollars = micros / 1_000_000;
    match micros {
        0 => String::new(),
        1..10_000 => format!("$0.{:04}", micros / 100),
        _ => format!("${dollars}.{:02}", micros % 1_000_000 / 10_000),
    }
}

/// A part of a window: `87 %`; empty when unknown.
#[must_use]
pub(crate) fn part(used: Option<f64>) -> String {
    used.filter(|used| used.is_finite()).map(|used| format!("{:.0} %", used * 100.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rendering R5: amounts are short.
    #[test]
    fn amounts_are_short() {
        assert_eq!([0, 999, 12_345, 4_500_000, u64::MAX].map(tokens), ["0", "999", "12.3k", "4.5M", "18446744073.7G"]);
        assert_eq!([0, 3_100, 1_250_000].map(money), ["", "$0.0031", "$1.25"]);
        let spent = TokenUsage { input: 1500, output: 500, cache_read: 0, cache_write: 0 };
        assert_eq!(usage(Some(&spent)), "2.0k (in 1.5k, out 500)");
        assert_eq!([part(Some(0.874)), part(None), part(Some(f64::NAN))], ["87 %", "", ""]);
    }
}

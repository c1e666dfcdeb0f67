//! Lengths and cuts. A length is counted in UTF-16 units, which is never less than what Discord counts.

/// How long Discord takes a text to be.
pub(crate) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// How many bytes of `text` fit into `most` units, at the boundary of a character.
pub(super) fn fitting(text: &str, most: usize) -> usize {
    let mut left = most;
    for (at, c) in text.char_indices() {
        match left.checked_sub(c.len_utf16()) {
            Some(rest) => left = rest,
            None => return at,
        }
    }
    text.len()
}

/// The text within `most` units; what is cut leaves `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if fitting(text, most) == text.len() {
        return text.to_owned();
    }
    if most == 0 {
        return String::new();
    }
    let kept = text.get(..fitting(text, most - 1)).unwrap_or_default();
    format!("{}…", kept.trim_end())
}

/// A part of a whole in percent; a little is not nothing.
pub(crate) fn percent(part: f64) -> String {
    if part > 0.0 && part < 0.005 { "< 1 %".to_owned() } else { format!("{:.0} %", part * 100.0) }
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut made = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            made.push(',');
        }
        made.push(digit);
    }
    made
}

/// A number of things: `1 task`, `2 tasks`.
pub(crate) fn plural(number: u64, thing: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {thing}{end}", grouped(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text R1: numbers people read.
    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    /// Text R1: one thing is not `1 things`.
    #[test]
    fn one_is_not_many() {
        assert_eq!(["0 tasks", "1 task", "1,001 tasks"].map(str::to_owned), [0, 1, 1001].map(|number| plural(number, "task")));
    }

    proptest! {
        /// F-214: a cut never tears a character and never exceeds its limit.
        #[test]
        fn cuts_fit(text in "\\PC{0,60}", most in 0usize..50) {
            let made = cut(&text, most);
            prop_assert!(length(&made) <= most);
            prop_assert!(length(&text) > most || made == text);
        }
    }
}

//! The answer to a message, as one, a few, or a preview with a file (F-214).

use super::limit::{cut, fitting, grouped, length};
use super::split::split;

/// Longest message.
const ONE: usize = 2000;
/// Longest text that is sent as several messages.
const SEVERAL: usize = 6000;

/// How a text is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As these messages, one after the other; the first answers.
    Messages(Vec<String>),
    /// As a preview with the whole as a file.
    File(String),
}

/// How `text` is sent.
pub(crate) fn answer(text: &str) -> Answer {
    let size = length(text);
    if size <= ONE {
        return Answer::Messages(vec![text.to_owned()]);
    }
    if size <= SEVERAL {
        return Answer::Messages(split(text, ONE));
    }
    let window = text.get(..fitting(text, 500)).unwrap_or_default();
    let preview = match window.find("\n\n") {
        Some(end) => window.get(..end).unwrap_or_default().to_owned(),
        None => cut(text, 300),
    };
    // A preview cut within a code block would swallow the line below it.
    let fence = if preview.matches("```").count() % 2 == 1 { "\n```" } else { "" };
    Answer::File(format!("{preview}{fence}\n\n*Full response attached ({} chars)*", grouped(u64::try_from(size).unwrap_or(u64::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-214, D-93, D-94: the boundaries are where they are said to be.
    #[test]
    fn boundaries() {
        let count = |n: usize| match answer(&"x".repeat(n)) {
            Answer::Messages(messages) => messages.len(),
            Answer::File(_) => 0,
        };
        assert_eq!([count(0), count(2000), count(2001), count(6000), count(6001)], [1, 1, 2, 4, 0]);
        assert_eq!(
            answer(&format!("Short.\n\n{}", "x".repeat(7000))),
            Answer::File("Short.\n\n*Full response attached (7,008 chars)*".to_owned())
        );
        assert!(matches!(answer(&"y".repeat(7000)), Answer::File(text) if text.starts_with(&"y".repeat(299))));
    }
}

//! Splitting a long text into messages: at line ends where possible, code fences closed and opened again at each cut.

use super::limit::{fitting, length};

/// How much of a message is filled with streamed text.
pub(crate) const PIECE: usize = 1900;

/// The longest name of a language, in bytes, that is told again when its fence is opened again.
const LANGUAGE: usize = 20;

/// The opening line of the fence that is open after `text`, given the one that was open before.
fn open_after(text: &str, before: Option<String>) -> Option<String> {
    let mut open = before;
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(rest) = line.strip_prefix("```") {
            open = match open {
                Some(_) => None,
                // A fence that closes on its own line opens nothing.
                None if rest.contains("```") => None,
                None => Some(format!("```{}", rest.split_whitespace().next().filter(|word| word.len() <= LANGUAGE).unwrap_or_default())),
            };
        }
    }
    open
}

/// Where the headings begin that a piece ends with: they belong to what follows. `None`: it ends with none, or would be left with less than `least`.
/// `fenced`: it begins within a fence.
fn before_headings(piece: &str, fenced: bool, least: usize) -> Option<usize> {
    let mut end = piece.len();
    let mut found = None;
    for line in piece.split_inclusive('\n').rev() {
        let heading = line.trim_start_matches('#').len() < line.len() && line.trim_start_matches('#').starts_with(' ');
        if !heading && !line.trim().is_empty() {
            break;
        }
        end -= line.len();
        if heading {
            found = Some(end);
        }
    }
    // Within a fence it is no heading.
    found.filter(|end| *end > least && piece.get(..*end).is_some_and(|before| before.matches("```").count() % 2 == usize::from(fenced)))
}

/// Pieces of at most `most` units. What was put in comes out in order; only fences are added at cuts.
pub(crate) fn split(text: &str, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut open: Option<String> = None;
    while !rest.is_empty() {
        let head = open.as_ref().map(|fence| format!("{fence}\n")).unwrap_or_default();
        // Room for closing a fence is kept whether it is needed or not.
        let room = most.saturating_sub(length(&head) + 4).max(1);
        if length(&head) + length(rest) <= most && open_after(rest, open.clone()).is_none() {
            pieces.push(format!("{head}{rest}"));
            break;
        }
        let mut end = fitting(rest, room);
        if end < rest.len() {
            let window = rest.get(..end).unwrap_or_default();
            // A cut at a line end, unless that would leave most of the piece empty.
            if let Some(line) = window.rfind('\n').filter(|at| *at >= end / 4) {
                end = line + 1;
            }
            end = before_headings(window.get(..end).unwrap_or_default(), open.is_some(), end / 4).unwrap_or(end);
        }
        if end == 0 {
            end = rest.chars().next().map_or(rest.len(), char::len_utf8);
        }
        let (piece, tail) = rest.split_at(end);
        let after = open_after(piece, open.clone());
        let close = match &after {
            Some(_) if piece.ends_with('\n') => "```",
            Some(_) => "\n```",
            None => "",
        };
        pieces.push(format!("{head}{piece}{close}"));
        open = after;
        rest = tail;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// F-214: a fence is closed at the cut and opened again with its language.
    #[test]
    fn fences_are_kept_whole() {
        let text = format!("before\n```rust\n{}```\nafter", "let x = 1;\n".repeat(40));
        let pieces = split(&text, 200);
        assert!(pieces.len() > 2);
        for (index, piece) in pieces.iter().enumerate() {
            assert_eq!(piece.matches("```").count() % 2, 0, "{piece}");
            assert!(length(piece) <= 200);
            if index > 0 && index < pieces.len() - 1 {
                assert!(piece.starts_with("```rust\n") && piece.ends_with("```"), "{piece}");
            }
        }
    }

    /// F-214: what looks like a language and is none leaves room for text. Found by a fuzzer's property.
    #[test]
    fn a_long_word_behind_a_fence_is_no_language() {
        let text = format!("```{}\n{}\n```", "x".repeat(190), "let x = 1;\n".repeat(40));
        let pieces = split(&text, 200);
        assert!(pieces.iter().all(|piece| length(piece) <= 200) && pieces.len() < 6, "{pieces:?}");
    }

    /// F-214, text R2: a heading goes with what stands below it.
    #[test]
    fn a_heading_is_not_left_behind() {
        let chapter = |n: usize| format!("## Chapter {n}\n\n{}\n\n", "Words of it. ".repeat(8));
        let text: String = (0..12).map(chapter).collect();
        let pieces = split(&text, 270);
        assert!(pieces.len() > 3 && pieces.concat() == text);
        for piece in &pieces {
            assert!(!piece.trim_end().lines().last().unwrap_or_default().starts_with('#'), "{piece}");
        }
        let code = "text\n```\n# no heading\n";
        assert_eq!((before_headings(code, false, 0), before_headings("x\n# nor this\n", true, 0)), (None, None));
        assert_eq!(before_headings(code, true, 0), Some(9));
    }

    /// F-214: a line longer than a message is cut hard, never within a character.
    #[test]
    fn long_lines_are_cut_between_characters() {
        let pieces = split(&"🦀".repeat(3000), 2000);
        assert_eq!(pieces.concat(), "🦀".repeat(3000));
        assert!(pieces.iter().all(|piece| length(piece) <= 2000));
    }

    proptest! {
        /// F-214: pieces fit, nothing is lost, fences are balanced.
        #[test]
        fn pieces_fit_and_lose_nothing(text in "([a-z🦀ü ]{0,30}\n|```[a-z]{0,3}\n|\\PC{0,9}){0,60}", most in 60usize..300) {
            let pieces = split(&text, most);
            let kept = |text: &str| text.chars().filter(|c| !matches!(c, '`' | '\n')).count();
            prop_assert!(pieces.iter().map(|piece| kept(piece)).sum::<usize>() >= kept(&text));
            for piece in &pieces {
                prop_assert!(length(piece) <= most, "{} {:?}", length(piece), piece);
                prop_assert!(open_after(piece, None).is_none(), "{piece:?}");
            }
        }
    }
}

//! Makes foreign text safe for a terminal (I-49): agents, repositories and people write what we print.
//!
//! Escape sequences are removed whole, what is left of control and bidirectional formatting characters becomes a picture.
//!
//! Spec: specs/cli/rendering.md

/// Longest escape sequence that is looked for, in characters; a longer one is no sequence but text behind a stray escape.
const LONGEST_SEQUENCE: usize = 4096;

/// Foreign text as one line: line ends and tabs become spaces.
#[must_use]
pub(crate) fn line(text: &str) -> String {
    clean(text, false)
}

/// [`line`], cut to so many characters, and what is left out is told by an ellipsis.
#[must_use]
pub(crate) fn short(text: &str, most: usize) -> String {
    let line = line(text);
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Foreign text of several lines: `\n` stays, `\r\n` and a lone `\r` become `\n`, tabs become four spaces.
#[must_use]
pub(crate) fn block(text: &str) -> String {
    clean(text, true)
}

/// True for characters that move the cursor, change colours, or change the order in which text is read.
#[must_use]
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}' | '\u{2029}')
}

fn clean(text: &str, keep_lines: bool) -> String {
    // Nearly all text is plain, and its bytes tell so: a flood of lines is shown as fast as it comes.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') || (keep_lines && byte == b'\n')) {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = characters.as_slice();
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        match c {
            '\u{1b}' => match sequence(after) {
                Some(length) => rest = after.get(length..).unwrap_or_default(),
                None => out.push('\u{241b}'),
            },
            '\r' if keep_lines => {
                if after.first() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\r' if after.first() == Some(&'\n') => {}
            '\n' if keep_lines => out.push('\n'),
            '\t' if keep_lines => out.push_str("    "),
            '\n' | '\r' | '\t' => out.push(' '),
            c if !is_unsafe(c) => out.push(c),
            c => out.push(picture(c)),
        }
    }
    out
}

/// How many characters behind an escape belong to its sequence; `None` when it is none.
fn sequence(after: &[char]) -> Option<usize> {
    let window = after.get(..after.len().min(LONGEST_SEQUENCE)).unwrap_or_default();
    let (first, body) = window.split_first()?;
    match first {
        // CSI: parameters and intermediates, then one final character.
        '[' => {
            let end = body.iter().position(|c| !matches!(c, '\u{20}'..='\u{3f}'))?;
            matches!(body.get(end)?, '\u{40}'..='\u{7e}').then_some(end + 2)
        }
        // OSC, DCS, SOS, PM, APC: a string ended by BEL or by ESC and a backslash.
        ']' | 'P' | 'X' | '^' | '_' => {
            let end = body.iter().position(|c| matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}'))?;
            match body.get(end)? {
                '\u{1b}' => (body.get(end + 1) == Some(&'\\')).then_some(end + 3),
                _ => Some(end + 2),
            }
        }
        // Two-character sequences, with intermediates.
        '\u{20}'..='\u{2f}' => {
            let end = body.iter().position(|c| !matches!(c, '\u{20}'..='\u{2f}'))?;
            matches!(body.get(end)?, '\u{30}'..='\u{7e}').then_some(end + 2)
        }
        '\u{30}'..='\u{7e}' => Some(1),
        _ => None,
    }
}

/// The picture of a control character: `␀` and its neighbours, `␡`, else the replacement character.
fn picture(c: char) -> char {
    match u32::from(c) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// JSON text with every unsafe character of its strings escaped; line ends between the values stay. The meaning is the same.
#[must_use]
pub(crate) fn json(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_unsafe(c) {
            // Every unsafe character lies in the basic plane, so that one escape is enough.
            let _infallible = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// rendering R2: colours and titles vanish, the words stay.
    #[test]
    fn escape_sequences_are_removed_whole() {
        assert_eq!(line("\u{1b}[1;31mred\u{1b}[0m"), "red");
        assert_eq!(line("\u{1b}]0;owned\u{7}text\u{1b}]8;;http://x\u{1b}\\link"), "textlink");
        assert_eq!(line("\u{1b}(Ba\u{1b}=b\u{1b}cd"), "abd");
    }

    /// rendering R2: what is no sequence is shown, never swallowed.
    #[test]
    fn stray_controls_become_pictures() {
        assert_eq!(line("a\u{1b}"), "a\u{241b}");
        assert_eq!(line("\u{1b}]0;never ended"), "\u{241b}]0;never ended");
        assert_eq!(line("bell\u{7} del\u{7f} csi\u{9b}31m rlo\u{202e}x"), "bell\u{2407} del\u{2421} csi\u{fffd}31m rlo\u{fffd}x");
    }

    /// rendering R2: lines and tabs.
    #[test]
    fn lines_and_tabs() {
        assert_eq!(block("a\r\nb\rc\td\n"), "a\nb\nc    d\n");
        assert_eq!(line("a\r\nb\rc\td"), "a b c d");
    }

    proptest! {
        /// I-49, rendering R2: whatever comes in, no control character comes out.
        #[test]
        fn no_control_character_survives(text in "(\\PC|\\pC|\u{1b}\\[|\u{1b}\\]|[\\x00-\\x9f]){0,200}") {
            prop_assert!(!line(&text).chars().any(is_unsafe));
            prop_assert!(!block(&text).chars().any(|c| c != '\n' && is_unsafe(c)));
            prop_assert_eq!(block(&block(&text)), block(&text));
        }

        /// rendering R2: JSON keeps its meaning and loses its control characters.
        #[test]
        fn json_keeps_its_meaning(text in any::<String>()) {
            let written = json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!written.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}

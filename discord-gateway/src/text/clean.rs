//! Making the text of agents and people harmless: no mentions, no terminal colours, no control characters, no way out of a code block.

/// Text for a message: control characters and terminal sequences gone, mentions readable and dead.
pub(crate) fn clean(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest),
            '\n' | '\t' => made.push(c),
            // Reversed and hidden text could make one thing look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => {
                // What counts is what stands side by side in the end, whatever was between.
                let rings = made.ends_with('@') && (c.is_alphanumeric() || matches!(c, '&' | '!'));
                if rings || (made.ends_with('<') && matches!(c, '#' | '/')) {
                    made.push('\u{200b}');
                }
                made.push(c);
            }
        }
    }
    made
}

/// Skips the rest of a terminal sequence: `ESC [ … letter`, `ESC ] … BEL`, or `ESC x`.
fn skip_sequence(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => drop(rest.by_ref().find(|c| ('@'..='~').contains(c))),
        Some(']') => drop(rest.by_ref().find(|c| matches!(c, '\u{7}' | '\n'))),
        _ => {}
    }
}

/// Text as one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text between back-quotes that it cannot leave.
pub(crate) fn inline(text: &str) -> String {
    format!("`{}`", one_line(text).replace('`', "ˋ"))
}

/// Text in a code block that it cannot leave.
pub(crate) fn fenced(text: &str, language: &str) -> String {
    format!("```{language}\n{}\n```", within_fence(clean(text).trim_end()))
}

/// Text for the inside of a code block: of three back-quotes the last stands apart, however many follow each other.
pub(crate) fn within_fence(text: &str) -> String {
    let (mut made, mut quotes) = (String::with_capacity(text.len()), 0);
    for c in text.chars() {
        quotes = if c == '`' { quotes + 1 } else { 0 };
        if quotes > 2 {
            made.push('\u{200b}');
            quotes = 1;
        }
        made.push(c);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text R3: what rings, colours or hides comes out dead.
    #[test]
    fn text_of_others_is_harmless() {
        for (text, made) in [
            ("hi @everyone", "hi @\u{200b}everyone"),
            ("<@123> <@&4> <@!5>", "<@\u{200b}123> <@\u{200b}&4> <@\u{200b}!5>"),
            ("see <#12>", "see <\u{200b}#12>"),
            ("a@ b", "a@ b"),
            ("hi @\u{1b}[0meveryone, @\u{202e}here", "hi @\u{200b}everyone, @\u{200b}here"),
            ("<\u{7}#12>", "<\u{200b}#12>"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("a\u{202e}b\r\n", "ab\n"),
        ] {
            assert_eq!(clean(text), made, "{text:?}");
        }
        assert_eq!(inline("a`b\nc"), "`aˋb c`");
        for quotes in 3..20 {
            assert_eq!(fenced(&format!("x\n{}\ny", "`".repeat(quotes)), "rs").matches("```").count(), 2, "{quotes} of them");
        }
        assert_eq!(fenced("``````", ""), "```\n``\u{200b}``\u{200b}``\n```");
    }
}

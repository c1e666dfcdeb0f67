//! Making the text of agents and people harmless: no mentions, no terminal colours, no control characters, no way out of a code block.

/// Text for a message: control characters and terminal sequences gone, mentions readable and dead.
pub(crate) fn clean(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest),
            '\n' | '\t' => made.push(c),
            '\r' => {}
            // Reversed and hidden text could make one thing look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '@' => {
                made.push('@');
                if rest.peek().is_some_and(|next| next.is_alphanumeric() || matches!(next, '&' | '!')) {
                    made.push('\u{200b}');
                }
            }
            '<' if matches!(rest.peek(), Some('#' | '/')) => made.push_str("<\u{200b}"),
            c if c.is_control() => {}
            c => made.push(c),
        }
    }
    made
}

/// Skips the rest of a terminal sequence: `ESC [ … letter`, `ESC ] … BEL`, or `ESC x`.
fn skip_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
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
    format!("```{language}\n{}\n```", clean(text).replace("```", "``\u{200b}`").trim_end())
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
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("a\u{202e}b\r\n", "ab\n"),
        ] {
            assert_eq!(clean(text), made, "{text:?}");
        }
        assert_eq!(inline("a`b\nc"), "`aˋb c`");
        assert_eq!(fenced("x\n```\ny", "rs").matches("```").count(), 2);
    }
}

//! The form of a bot token. Whether Discord accepts it only Discord can tell.

/// Whether a text has the form of a bot token.
pub(crate) fn is_token(text: &str) -> bool {
    serenity::utils::token::validate(text).is_ok() && !text.chars().any(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gateway R2: the form is checked before anything is sent anywhere.
    #[test]
    fn the_form_of_a_token() {
        assert!(is_token("Mjg4NzYwMjQxMzYzODc3ODg4.C_ikow.j3VupLBuE1QWZng3TMGH0z_UAwg"));
        for text in ["", "abc", "a.b", "a.b.c d", "a.b.c\n", "${TOKEN}"] {
            assert!(!is_token(text), "{text:?}");
        }
    }
}

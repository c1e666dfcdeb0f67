//! Names, titles and texts of notes. Files, and who may read them, are the server's.
//!
//! Spec: specs/server/notes.md

use crate::names::slug;

/// Longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// Longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 100;
/// Largest note, in bytes.
pub const MAX_NOTE_BYTES: usize = 256 * 1024;
/// How far a title is looked for, in bytes.
const TITLE_WITHIN: usize = 8 * 1024;
/// Names that some file systems keep for devices, alone or numbered 0 to 9.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// Why a text is no name of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRefused {
    /// Nothing is left of it.
    #[error("is empty or holds no letter and no digit; give it a title such as `Release plan`")]
    Empty,
    /// It names folders.
    #[error("holds `/` or `\\`, which separate folders; leave them out")]
    Separator,
    /// It holds what nobody can type.
    #[error("holds control characters; a title is one line of text")]
    Control,
    /// It is too long.
    #[error("is too long; at most {MAX_TITLE_CHARS} characters and {MAX_NAME_BYTES} bytes of letters and digits are allowed")]
    TooLong,
    /// Some file systems cannot hold it.
    #[error("is a name that some systems keep for devices; add a word")]
    Reserved,
}

/// The name of the document with this title: the slug, without a `.md` at the end (notes R2, D-74).
///
/// # Errors
/// [`NameRefused`] when the text cannot name a file safely.
pub fn note_name(title: &str) -> Result<String, NameRefused> {
    if title.chars().count() > MAX_TITLE_CHARS {
        return Err(NameRefused::TooLong);
    }
    if title.contains(['/', '\\']) {
        return Err(NameRefused::Separator);
    }
    if title.chars().any(char::is_control) {
        return Err(NameRefused::Control);
    }
    let name = slug(without_ending(title.trim()));
    if name.is_empty() {
        return Err(NameRefused::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameRefused::TooLong);
    }
    if is_device(&name) {
        return Err(NameRefused::Reserved);
    }
    Ok(name)
}

/// A title without one `.md` at its end.
#[must_use]
pub fn without_ending(title: &str) -> &str {
    let at = title.len().saturating_sub(3);
    match title.get(at..) {
        Some(end) if end.eq_ignore_ascii_case(".md") => title.get(..at).unwrap_or(title),
        _ => title,
    }
}

fn is_device(name: &str) -> bool {
    let numbered = || {
        let end = name.char_indices().last().filter(|(_, last)| last.is_ascii_digit()).map(|(at, _)| at);
        end.and_then(|end| name.get(..end)).is_some_and(|head| NUMBERED_DEVICES.contains(&head))
    };
    DEVICES.contains(&name) || numbered()
}

/// The title that a text gives itself: its first line that begins with `# `; `None` when there is none.
#[must_use]
pub fn title_of(text: &str) -> Option<&str> {
    let end = (0..=TITLE_WITHIN.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let head = text.get(..end).unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix("# ")).map(str::trim).filter(|title| !title.is_empty())
}

/// The text of a note with `addition` behind it; a new one begins with its title (notes R5).
#[must_use]
pub fn appended(before: Option<&str>, title: &str, addition: &str) -> String {
    let addition = addition.trim_end();
    match before.map(str::trim_end).filter(|before| !before.is_empty()) {
        Some(before) => format!("{before}\n\n{addition}\n"),
        None => format!("# {}\n\n{addition}\n", without_ending(title.trim())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// F-169, D-74, notes R2: names that would leave the folder, or that no folder can hold, are refused.
    #[test]
    fn hostile_titles_are_refused() {
        for (title, why) in [
            ("", NameRefused::Empty),
            ("..", NameRefused::Empty),
            (".md", NameRefused::Empty),
            ("../../etc/passwd", NameRefused::Separator),
            ("..\\windows", NameRefused::Separator),
            ("/etc/passwd", NameRefused::Separator),
            ("a\0b", NameRefused::Control),
            ("a\nb", NameRefused::Control),
            ("CON", NameRefused::Reserved),
            ("nul.md", NameRefused::Reserved),
            ("Com1", NameRefused::Reserved),
            ("LPT9.md", NameRefused::Reserved),
        ] {
            assert_eq!(note_name(title), Err(why), "{title:?}");
        }
    }

    /// Notes R2: a title and a name may be as long as their limits, which count characters and bytes.
    #[test]
    fn titles_and_names_may_be_as_long_as_their_limits() {
        let padded = |chars: usize| format!("x{}y", " ".repeat(chars - 2));
        assert_eq!((note_name(&padded(200)).as_deref(), note_name(&padded(201))), (Ok("x-y"), Err(NameRefused::TooLong)));
        let (whole, longer) = ("x".repeat(100), "x".repeat(101));
        assert_eq!((note_name(&whole), note_name(&longer)), (Ok(whole), Err(NameRefused::TooLong)));
        assert_eq!(note_name(&"ü".repeat(60)), Err(NameRefused::TooLong));
    }

    /// F-015, D-74: `x.md` is the note `x`, however the caller writes it.
    #[test]
    fn names_are_slugs_without_the_ending() {
        for (title, name) in [
            ("Release plan", "release-plan"),
            ("release-plan.md", "release-plan"),
            ("x.MD", "x"),
            ("x.md.md", "xmd"),
            ("Größe  der_Welt", "größe-der-welt"),
            ("console", "console"),
            ("com10", "com10"),
        ] {
            assert_eq!(note_name(title).as_deref(), Ok(name), "{title}");
        }
    }

    /// Notes R5.
    #[test]
    fn appending_leaves_one_empty_line() {
        assert_eq!(appended(None, "Release plan.md", "first\n"), "# Release plan\n\nfirst\n");
        assert_eq!(appended(Some("# A\n\none\n\n\n"), "A", "two"), "# A\n\none\n\ntwo\n");
        assert_eq!(appended(Some("  \n"), "A", "two"), "# A\n\ntwo\n");
        assert_eq!(title_of("intro\n# The title \n# Second"), Some("The title"));
        assert_eq!(title_of("## No\n#no"), None);
    }

    proptest! {
        /// Notes R2: whatever the title, the name is one plain part of a path, and naming it again changes nothing.
        #[test]
        fn names_are_plain_and_stable(title in "\\PC{0,80}|[a-zA-Z0-9./\\\\ _-]{0,40}") {
            if let Ok(name) = note_name(&title) {
                prop_assert!(!name.contains(['/', '\\', '.', '\0']) && !name.starts_with('-') && name.len() <= MAX_NAME_BYTES);
                prop_assert_eq!(note_name(&name), Ok(name));
            }
        }
    }
}

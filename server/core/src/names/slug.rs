//! Slugs and branch names (F-015).

use crate::ids::{MAX_ID_BYTES, TaskId};

/// Longest slug in a branch name, in bytes.
pub const MAX_BRANCH_SLUG_BYTES: usize = 50;

/// `text` in lower case, letters and digits of any script kept, everything between them one `-`; may be empty (names R3).
#[must_use]
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        if c == '-' || c == '_' || c.is_whitespace() {
            gap = true;
        } else if c.is_alphanumeric() && !c.is_uppercase() {
            if gap && !slug.is_empty() {
                slug.push('-');
            }
            gap = false;
            slug.push(c);
        }
    }
    slug
}

/// Cuts a slug to at most `bytes`, at the last `-` when one lies in its second half.
fn cut(slug: &str, bytes: usize) -> &str {
    if slug.len() <= bytes {
        return slug;
    }
    let end = (0..=bytes).rev().find(|end| slug.is_char_boundary(*end)).unwrap_or(0);
    let head = slug.get(..end).unwrap_or_default();
    let whole_words = slug.get(end..).is_some_and(|rest| rest.starts_with('-'));
    match head.rfind('-') {
        Some(at) if !whole_words && at >= bytes / 2 => head.get(..at).unwrap_or(head),
        _ => head,
    }
    .trim_end_matches('-')
}

/// The slug of a name that becomes an id; `None` when nothing is left of it or what is left is a placeholder such as `none`.
#[must_use]
pub fn id_slug(name: &str) -> Option<String> {
    let slug = slug(name);
    let id = cut(&slug, MAX_ID_BYTES);
    TaskId::parse(id).ok().map(|id| id.as_str().to_owned())
}

/// The branch of a task: `<task-id>/<slug of the title>`, the slug at most [`MAX_BRANCH_SLUG_BYTES`] long; the id alone when the slug
/// is empty (D-44).
#[must_use]
pub fn branch_name(task: &TaskId, title: &str) -> String {
    let slug = slug(title);
    match cut(&slug, MAX_BRANCH_SLUG_BYTES) {
        "" => task.to_string(),
        slug => format!("{task}/{slug}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// F-015: the original's examples.
    #[test]
    fn slugs_match_the_examples() {
        for (text, expected) in [
            ("Fix the OAuth2 bug!", "fix-the-oauth2-bug"),
            ("  update_user_profile  ", "update-user-profile"),
            ("!!!", ""),
            ("Überprüfe  die -- Größe", "überprüfe-die-größe"),
            ("修复 登录", "修复-登录"),
            ("a/b\\c..d", "abcd"),
            ("-_- x -_-", "x"),
            ("\u{1d400}bc \u{0}", "bc"),
        ] {
            assert_eq!(slug(text), expected, "{text}");
        }
    }

    /// F-015, D-44.
    #[test]
    fn branches_are_bounded_and_never_end_in_a_slash() {
        let task = TaskId::parse("clever-fox").unwrap();
        assert_eq!(branch_name(&task, "Fix login timeout"), "clever-fox/fix-login-timeout");
        assert_eq!(branch_name(&task, "!!!"), "clever-fox");
        let long = branch_name(&task, "one two three four five six seven eight nine ten eleven twelve");
        assert_eq!(long, "clever-fox/one-two-three-four-five-six-seven-eight-nine-ten");
        assert!(branch_name(&task, &"x".repeat(300)).len() <= "clever-fox/".len() + 50);
    }

    /// names R5: a slug is cut at a word where one ends in its second half, and no word is lost that just fits.
    #[test]
    fn slugs_are_cut_at_words() {
        for (slug, kept) in [
            ("one-two-three", "one-two"),
            ("one-threes-x", "one-threes"),
            ("seven-threes", "seven"),
            ("four-letters", "four-lette"),
            ("letterstogether", "letterstog"),
        ] {
            assert_eq!(cut(slug, 10), kept, "{slug}");
        }
    }

    /// names R3: ids from names.
    #[test]
    fn names_that_leave_no_id_are_refused() {
        assert_eq!(id_slug("My App"), Some("my-app".to_owned()));
        assert_eq!(id_slug("None"), None);
        assert_eq!(id_slug("***"), None);
        assert_eq!(id_slug(&"é".repeat(100)).map(|id| id.len()), Some(80));
    }

    proptest! {
        /// F-015: any text gives a slug that is empty or made of valid characters, and making it twice changes nothing.
        #[test]
        fn slugs_are_stable_and_valid(text in "\\PC*") {
            let once = slug(&text);
            prop_assert_eq!(&slug(&once), &once);
            let short = cut(&once, 40);
            prop_assert!(short.len() <= 40);
            if !short.is_empty() && !matches!(short, "none" | "null" | "nil" | "undefined") {
                prop_assert!(TaskId::parse(short).is_ok(), "{}", short);
            }
            let branch = branch_name(&TaskId::from_trusted("a-b"), &text);
            prop_assert!(branch.len() <= 54 && !branch.ends_with(['/', '-', '.']));
        }
    }
}

//! Credentials go to the host of the remote and to no other: the user's helpers, bound to it for one command (git R5a).
//!
//! How the program is called lives in `program`.
//!
//! Spec: specs/server/runner/git.md

/// A helper as the user's configuration names it: the address it is for (empty: every one), and the helper; an empty helper forgets those before it.
pub(super) type Source = (String, String);

/// Reads what `git config --null --get-regexp` says of helpers.
pub(super) fn read(listed: &str) -> Vec<Source> {
    let entries = listed.split('\0').filter_map(|entry| entry.split_once('\n').or(Some((entry, ""))));
    let helper = |(key, value): (&str, &str)| {
        let lower = key.to_ascii_lowercase();
        if lower == "credential.helper" {
            return Some((String::new(), value.to_owned()));
        }
        let inner = key.len().checked_sub(".helper".len()).and_then(|end| key.get("credential.".len()..end))?;
        (lower.starts_with("credential.") && lower.ends_with(".helper")).then(|| (inner.to_owned(), value.to_owned()))
    };
    entries.filter_map(helper).collect()
}

/// The settings that bind `helpers` to the host of `url`: whatever is configured is forgotten, and what would have served this address serves its
/// host alone, also after a redirect. Nothing for an address without host, which needs no helper.
pub(super) fn bound(helpers: &[Source], url: &str) -> Vec<String> {
    let Some(host) = host_of(url) else { return Vec::new() };
    let mut settings = vec!["credential.helper=".to_owned()];
    let fits = helpers.iter().filter(|(of, _)| of.is_empty() || serves(of, url));
    settings.extend(fits.map(|(_, helper)| format!("credential.{host}.helper={helper}")));
    settings
}

/// Scheme and host of an `https` address, with its port and without credentials.
fn host_of(url: &str) -> Option<String> {
    let authority = url.strip_prefix("https://")?.split('/').next()?;
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    Some(format!("https://{host}"))
}

/// True when a helper for the address `of` serves `url`: the same host (or one below it for `*.host`), and a path above it.
fn serves(of: &str, url: &str) -> bool {
    let split = |text: &str| {
        let bare = text.strip_prefix("https://").unwrap_or(text);
        let (authority, path) = bare.split_once('/').unwrap_or((bare, ""));
        (authority.rsplit('@').next().unwrap_or(authority).to_ascii_lowercase(), path.trim_end_matches('/').to_owned())
    };
    let ((wanted, above), (host, path)) = (split(of), split(url));
    let same = match wanted.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && !rest.trim_end_matches('.').contains('.')),
        None => wanted == host,
    };
    same && !of.starts_with("http://") && (above.is_empty() || path == above || path.starts_with(&format!("{above}/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "credential.helper\nstore\0credential.https://github.com.helper\n!gh auth git-credential\0\
        credential.https://git.corp.example/team.helper\ncorp\0credential.https://*.corp.example.helper\nwild\0";

    /// git R5a: a helper is given to the host of the remote and to no other, and one that was for another host is not given at all.
    #[test]
    fn helpers_are_bound_to_the_host() {
        let helpers = read(LISTED);
        assert_eq!(helpers.len(), 4);
        assert_eq!(
            bound(&helpers, "https://me:pw@github.com/a/b.git"),
            [
                "credential.helper=",
                "credential.https://github.com.helper=store",
                "credential.https://github.com.helper=!gh auth git-credential"
            ]
        );
        assert_eq!(bound(&helpers, "https://evil.example/x"), ["credential.helper=", "credential.https://evil.example.helper=store"]);
        assert_eq!(bound(&helpers, "https://git.corp.example:8443/x").len(), 2, "another port is another host");
        let team = bound(&helpers, "https://git.corp.example/team/x.git");
        assert_eq!(team[1..], ["store", "corp", "wild"].map(|helper| format!("credential.https://git.corp.example.helper={helper}")));
        assert_eq!(bound(&helpers, "https://git.corp.example/teammate/x").len(), 3);
        for other in ["git@github.com:a/b.git", "ssh://git@github.com/a", "/srv/x", ""] {
            assert!(bound(&helpers, other).is_empty(), "{other}");
        }
    }

    /// git R5a: an empty helper forgets those before it, as the user meant it; odd listings are survived.
    #[test]
    fn resets_are_kept() {
        let helpers = read(
            "credential.helper\nstore\0credential.https://github.com.helper\n\0credential.https://github.com.helper\ngh\0\0x\0credential.user\ny\0",
        );
        let expected = ["credential.helper=", "credential.https://github.com.helper=store"];
        assert_eq!(bound(&helpers, "https://github.com/a")[..2], expected);
        assert_eq!(
            bound(&helpers, "https://github.com/a")[2..],
            ["credential.https://github.com.helper=", "credential.https://github.com.helper=gh"]
        );
    }
}

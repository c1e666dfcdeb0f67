//! Which repository of which forge an address means.

/// A repository of a forge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryName {
    /// The host, in lower case.
    pub host: String,
    /// Who owns it.
    pub owner: String,
    /// Its name, without `.git`.
    pub name: String,
}

impl std::fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.host, self.owner, self.name)
    }
}

impl RepositoryName {
    /// Reads what [`ToString`] wrote.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (host, path) = text.split_once('/')?;
        of(host, path)
    }
}

/// The repository behind an address of git: `https://host/owner/name`, `ssh://git@host/owner/name` or `git@host:owner/name`; `None` for anything
/// else.
#[must_use]
pub fn repository_of(url: &str) -> Option<RepositoryName> {
    let (authority, path) = match url.split_once("://") {
        Some(("https" | "ssh", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        None => url.split_once(':').filter(|(host, _)| host.contains('@') && !host.contains('/'))?,
    };
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?;
    of(host, path)
}

fn of(host: &str, path: &str) -> Option<RepositoryName> {
    let path = path.trim_end_matches('/');
    let (owner, name) = path.trim_start_matches('/').split_once('/')?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 200
            && !matches!(text, "." | "..")
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    (plain(host) && plain(owner) && plain(name)).then(|| RepositoryName {
        host: host.to_ascii_lowercase(),
        owner: owner.to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// forges R1
    #[test]
    fn addresses_name_repositories() {
        let wanted = Some(RepositoryName { host: "github.com".into(), owner: "Me".into(), name: "my.app".into() });
        for url in [
            "https://github.com/Me/my.app",
            "https://github.com/Me/my.app.git",
            "https://user:secret@GitHub.com/Me/my.app.git/",
            "ssh://git@github.com/Me/my.app.git",
            "ssh://git@github.com:22/Me/my.app",
            "git@github.com:Me/my.app.git",
        ] {
            assert_eq!(repository_of(url), wanted, "{url}");
        }
        for url in
            ["/srv/git/x.git", "file:///a/b", "https://github.com/only", "https://github.com/a/b/c", "https://github.com/../x", "x:y/z", ""]
        {
            assert_eq!(repository_of(url), None, "{url}");
        }
        assert_eq!(wanted.as_ref().and_then(|name| RepositoryName::read(&name.to_string())), wanted);
    }
}

//! Addresses of repositories and names of branches: what is accepted, before anything of it reaches a program (git R2).
//!
//! Spec: specs/server/runner/git.md

use std::path::{Component, Path, PathBuf};

use aq_core::runner_link::WorkspaceSource;
use git2::Branch;

use super::error::{GitError, RepositoryRefused};

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// On the network: `https://…`, `ssh://…` or `user@host:path`.
    Remote(String),
    /// On this machine.
    Path(PathBuf),
}

impl Address {
    pub(super) fn of(source: &WorkspaceSource) -> Result<Self, RepositoryRefused> {
        match source {
            WorkspaceSource::Clone { url } => Self::parse(url),
            WorkspaceSource::Link { path } | WorkspaceSource::Init { path } => local(path, path),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, RepositoryRefused> {
        let refuse = |why| Err(RepositoryRefused::Address { address: without_credentials(text), why });
        if text.is_empty() {
            return refuse("it is empty; give an https:// or ssh:// address, user@host:path, or an absolute path");
        }
        if text.starts_with('-') {
            return refuse("it starts with `-`");
        }
        if text.chars().any(char::is_control) {
            return refuse("it holds control characters");
        }
        if text.starts_with('/') {
            return local(text, text);
        }
        if let Some(path) = text.strip_prefix("file://") {
            return local(path, text);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            if !matches!(scheme, "https" | "ssh") {
                return refuse("only https, ssh and file are accepted");
            }
            let authority = rest.split('/').next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            if host.is_empty() || host.starts_with('-') || authority.starts_with('-') {
                return refuse("the host is missing or starts with `-`");
            }
            return Ok(Self::Remote(text.to_owned()));
        }
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') => {
                let name = host.rsplit('@').next().unwrap_or_default();
                if path.starts_with(':') {
                    return refuse("addresses that name a program are not accepted");
                }
                if !host.contains('@') || name.is_empty() || name.starts_with('-') || path.is_empty() || path.starts_with('-') {
                    return refuse("write it as user@host:path");
                }
                Ok(Self::Remote(text.to_owned()))
            }
            _ => refuse("a relative path; give an absolute path"),
        }
    }

    /// What is given to the git program, always after `--`.
    pub(super) fn operand(&self) -> &std::ffi::OsStr {
        match self {
            Self::Remote(url) => url.as_ref(),
            Self::Path(path) => path.as_os_str(),
        }
    }

    /// For messages and logs.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Remote(url) => without_credentials(url),
            Self::Path(path) => path.display().to_string(),
        }
    }
}

fn local(path: &str, shown: &str) -> Result<Address, RepositoryRefused> {
    let refuse = |why| Err(RepositoryRefused::Address { address: without_credentials(shown), why });
    let path_buf = PathBuf::from(path);
    if !path_buf.is_absolute() {
        return refuse("the path is not absolute");
    }
    if path.chars().any(char::is_control) {
        return refuse("it holds control characters");
    }
    if path_buf.components().any(|part| part == Component::ParentDir) {
        return refuse("the path holds `..`");
    }
    Ok(Address::Path(path_buf))
}

/// Removes `user:password@` from every address in `text`.
pub(super) fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end = tail.find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"').unwrap_or(tail.len());
        let (authority, after) = tail.split_at(end);
        out.push_str(authority.rsplit('@').next().unwrap_or(authority));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The name of a task's branch, or why not (F-068).
pub(super) fn check_branch(branch: &str) -> Result<(), GitError> {
    let refuse = |why| Err(GitError::BranchName { branch: branch.to_owned(), why });
    if branch.len() > 200 {
        return refuse("longer than 200 bytes");
    }
    if branch.starts_with('-') || branch == "HEAD" || branch.starts_with("refs/") {
        return refuse("it would be read as something else");
    }
    match Branch::name_is_valid(branch) {
        Ok(true) => Ok(()),
        _ => refuse("git does not accept it"),
    }
}

/// `path` when it is a directory itself, not a link to one.
pub(super) fn is_real_directory(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// git R2
    #[test]
    fn accepts_and_refuses_addresses() {
        for good in ["https://host/x.git", "ssh://git@host:22/x", "git@github.com:a/b.git"] {
            assert_eq!(Address::parse(good), Ok(Address::Remote(good.to_owned())));
        }
        for path in ["/a/b", "file:///a/b"] {
            assert_eq!(Address::parse(path), Ok(Address::Path("/a/b".into())));
        }
        for bad in [
            "",
            "-u",
            "--upload-pack=x;",
            "ext::sh -c x",
            "http://host/x",
            "ftp://h/x",
            "relative/path",
            "./x",
            "/a/../b",
            "file://host/x",
            "ssh://-oProxyCommand=x/y",
            "a@-oX:y",
            "host:path",
            "x\ny",
            "fd::17/foo",
            "git@host:",
            "https:///x",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    /// git R5
    #[test]
    fn hides_credentials() {
        assert_eq!(without_credentials("to https://me:p@ss@h/x and 'https://t@k/y' ok"), "to https://h/x and 'https://k/y' ok");
        assert_eq!(without_credentials("git@h:x"), "git@h:x");
    }

    /// F-068
    #[test]
    fn checks_branch_names() {
        for good in ["swift-fox/fix", "swift-fox", "köln/straße"] {
            assert!(check_branch(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a/", "a b", "a..b", "HEAD", "refs/heads/x", "x.lock", "a\u{7}b", &"x".repeat(300)] {
            assert!(check_branch(bad).is_err(), "{bad}");
        }
    }
}

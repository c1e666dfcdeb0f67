//! What a repository is: checked when a project is registered and before a mirror is made (git R3).
//!
//! Spec: specs/server/runner/git.md

use std::path::Path;

use aq_core::runner_link::WorkspaceSource;
use git2::{ErrorCode, Repository, RepositoryOpenFlags};

use super::address::Address;
use super::attributes;
use super::error::{GitError, RepositoryRefused, While};
use super::rooms::Rooms;

/// Names tried in this order when the repository itself names no default branch.
const USUAL: [&str; 4] = ["main", "master", "develop", "trunk"];

/// What is known of a repository that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// The branch that work lands on: found by the rules of git R8.
    pub default_branch: String,
    /// True when landing pushes (an address on the network or a bare repository); false when the branch of a checkout is forwarded.
    pub has_remote: bool,
    /// The commit of the default branch, in hexadecimal; `None` while the repository has no commit.
    pub head: Option<String>,
}

impl Rooms {
    /// Looks at a source without changing anything (an `init` path that is free is fine as it is). Reaches the network for an address there.
    ///
    /// # Errors
    /// [`GitError::Refused`] with a sentence when the repository cannot be used; other errors when git failed.
    pub fn inspect(&self, source: &WorkspaceSource) -> Result<RepositoryFacts, GitError> {
        let address = Address::of(source)?;
        if let (WorkspaceSource::Init { .. }, Address::Path(path)) = (source, &address)
            && is_free(path)
        {
            return Ok(RepositoryFacts { default_branch: configured_branch(), has_remote: false, head: None });
        }
        match &address {
            Address::Remote(_) => self.inspect_remote(&address),
            Address::Path(path) => {
                let repo = open_source(path)?;
                let branch = detect_local(&repo)?;
                let head = repo.find_reference(&format!("refs/heads/{branch}")).and_then(|found| found.peel_to_commit()).ok();
                match &head {
                    Some(commit) => attributes::check_tree(&repo, commit.id())?,
                    None if repo.is_bare() => {}
                    None => return Err(RepositoryRefused::NoCommits { path: path.display().to_string() }.into()),
                }
                let head = head.map(|commit| commit.id().to_string());
                Ok(RepositoryFacts { default_branch: branch, has_remote: repo.is_bare(), head })
            }
        }
    }

    fn inspect_remote(&self, address: &Address) -> Result<RepositoryFacts, GitError> {
        let heads = self.remote_heads(address)?;
        let branch = heads.default_branch();
        let head = heads.heads.iter().find(|(name, _)| *name == branch).map(|(_, commit)| commit.clone());
        Ok(RepositoryFacts { default_branch: branch, has_remote: true, head })
    }

    pub(super) fn remote_heads(&self, address: &Address) -> Result<RemoteHeads, GitError> {
        let answer =
            self.inner.program.must("ls-remote", None, &["--symref"], &[address.operand(), "HEAD".as_ref(), "refs/heads/*".as_ref()])?;
        Ok(RemoteHeads::parse(&answer.stdout))
    }
}

/// The answer of `git ls-remote --symref`.
pub(super) struct RemoteHeads {
    symbolic: Option<String>,
    heads: Vec<(String, String)>,
}

impl RemoteHeads {
    fn parse(text: &str) -> Self {
        let mut found = Self { symbolic: None, heads: Vec::new() };
        for line in text.lines() {
            let Some((value, name)) = line.split_once('\t') else { continue };
            if let Some(target) = value.strip_prefix("ref: refs/heads/").filter(|_| name == "HEAD") {
                found.symbolic = Some(target.to_owned());
            } else if let Some(branch) = name.strip_prefix("refs/heads/") {
                found.heads.push((branch.to_owned(), value.to_owned()));
            }
        }
        found
    }

    /// git R8
    pub(super) fn default_branch(&self) -> String {
        let names: Vec<&str> = self.heads.iter().map(|(name, _)| name.as_str()).collect();
        choose(self.symbolic.as_deref(), None, &names).unwrap_or_else(|| self.symbolic.clone().unwrap_or_else(configured_branch))
    }
}

/// git R8: what the remote calls its head, then the usual names, then what is checked out, then the only branch there is.
fn choose(remote_head: Option<&str>, current: Option<&str>, heads: &[&str]) -> Option<String> {
    let has = |name: &&str| heads.contains(name);
    let only = if let [only] = heads { Some(*only) } else { None };
    remote_head.filter(has).or_else(|| USUAL.into_iter().find(has)).or_else(|| current.filter(has)).or(only).map(str::to_owned)
}

/// The name git would give to a first branch here.
pub(super) fn configured_branch() -> String {
    git2::Config::open_default()
        .and_then(|config| config.get_string("init.defaultBranch"))
        .ok()
        .filter(|name| super::address::check_branch(name).is_ok())
        .unwrap_or_else(|| "main".to_owned())
}

/// The default branch of a repository on this machine.
pub(super) fn detect_local(repo: &Repository) -> Result<String, GitError> {
    let symbolic = |name: &str, prefix: &str| {
        let found = repo.find_reference(name).ok()?;
        found.symbolic_target().ok().flatten().and_then(|target| target.strip_prefix(prefix)).map(str::to_owned)
    };
    let current = symbolic("HEAD", "refs/heads/");
    let remote = if repo.is_bare() { current.clone() } else { symbolic("refs/remotes/origin/HEAD", "refs/remotes/origin/") };
    let heads = local_heads(repo)?;
    let names: Vec<&str> = heads.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(branch) = choose(remote.as_deref(), current.as_deref(), &names) {
        return Ok(branch);
    }
    if names.is_empty() {
        return Ok(current.unwrap_or_else(configured_branch));
    }
    let configured = configured_branch();
    if names.contains(&configured.as_str()) {
        return Ok(configured);
    }
    Err(RepositoryRefused::NoDefaultBranch { branch: "(any)".to_owned() }.into())
}

/// Names and commits of all branches.
pub(super) fn local_heads(repo: &Repository) -> Result<Vec<(String, git2::Oid)>, GitError> {
    let mut heads = Vec::new();
    for reference in repo.references_glob("refs/heads/*").doing("listing branches")? {
        let reference = reference.doing("listing branches")?;
        if let (Ok(name), Some(target)) = (reference.name(), reference.target())
            && let Some(name) = name.strip_prefix("refs/heads/")
        {
            heads.push((name.to_owned(), target));
        }
    }
    Ok(heads)
}

/// Nothing is at `path`, or an empty directory.
pub(super) fn is_free(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Opens the repository at exactly `path`, never one around it (I-19), or says why it cannot be used.
pub(super) fn open_source(path: &Path) -> Result<Repository, GitError> {
    let shown = path.display().to_string();
    if std::fs::symlink_metadata(path).is_err() {
        return Err(RepositoryRefused::Missing { path: shown }.into());
    }
    let none: &[&std::ffi::OsStr] = &[];
    let repo = match Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, none) {
        Ok(repo) => repo,
        Err(error) => return Err(refusal(path, shown, error)),
    };
    if repo.is_shallow() {
        return Err(RepositoryRefused::Shallow { path: shown }.into());
    }
    Ok(repo)
}

fn refusal(path: &Path, shown: String, error: git2::Error) -> GitError {
    let text = error.message().to_ascii_lowercase();
    if error.code() == ErrorCode::Owner {
        RepositoryRefused::Owner { path: shown }.into()
    } else if text.contains("objectformat") || text.contains("object format") || text.contains("sha256") {
        RepositoryRefused::Format { path: shown, format: "SHA-256 object names" }.into()
    } else if text.contains("refstorage") || text.contains("reftable") {
        RepositoryRefused::Format { path: shown, format: "reftable storage" }.into()
    } else if error.code() == ErrorCode::NotFound {
        match Repository::discover(path).ok().and_then(|repo| repo.workdir().map(Path::to_owned)) {
            Some(root) if !path.join(".git").exists() => {
                RepositoryRefused::Subfolder { path: shown, root: root.display().to_string().trim_end_matches('/').to_owned() }.into()
            }
            _ => RepositoryRefused::NotARepository { path: shown }.into(),
        }
    } else {
        GitError::Library { doing: "opening the repository", source: error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// git R8
    #[test]
    fn default_branch_order() {
        assert_eq!(choose(Some("prod"), Some("x"), &["main", "prod", "x"]).as_deref(), Some("prod"));
        assert_eq!(choose(Some("gone"), Some("x"), &["x", "trunk", "master"]).as_deref(), Some("master"));
        assert_eq!(choose(None, Some("x"), &["x", "y"]).as_deref(), Some("x"));
        assert_eq!(choose(None, None, &["only"]).as_deref(), Some("only"));
        assert_eq!(choose(None, None, &["a", "b"]), None);
    }

    #[test]
    fn reads_ls_remote() {
        let heads = RemoteHeads::parse("ref: refs/heads/prod\tHEAD\nabc\tHEAD\nabc\trefs/heads/prod\ndef\trefs/heads/main\n");
        assert_eq!(heads.default_branch(), "prod");
        assert_eq!(RemoteHeads::parse("").heads.len(), 0);
    }
}

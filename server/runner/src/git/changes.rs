//! What a task changed: the branch against the commit it stands on, never the working tree against a newer default branch (D-46).
//!
//! Spec: specs/server/runner/git.md

use aq_core::ids::ProjectId;
use git2::{Delta, Diff, DiffFindOptions, DiffFormat, Oid, Repository};

use super::error::{GitError, While};
use super::mirror::Mirror;
use super::rooms::Rooms;

/// How a file changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// New.
    Added,
    /// Gone.
    Deleted,
    /// Other contents or mode.
    Modified,
    /// Moved, perhaps with changes.
    Renamed,
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Path in the repository (the new one of a renamed file).
    pub path: String,
    /// How.
    pub change: FileChange,
}

impl Rooms {
    /// Files changed between where `head` left `base` and `head`. Both are commits in hexadecimal or branch names of the mirror
    /// (`swift-fox/fix`); a branch of the source is `origin/<name>`.
    ///
    /// # Errors
    /// When one of the two is unknown.
    pub fn changed_files(&self, project: &ProjectId, base: &str, head: &str) -> Result<Vec<ChangedFile>, GitError> {
        let mirror = self.open_mirror(project)?;
        let diff = between(&mirror, base, head)?;
        let file = |delta: git2::DiffDelta<'_>| {
            let change = match delta.status() {
                Delta::Added => FileChange::Added,
                Delta::Deleted => FileChange::Deleted,
                Delta::Renamed => FileChange::Renamed,
                _ => FileChange::Modified,
            };
            path_of(&delta).map(|path| ChangedFile { path, change })
        };
        Ok(diff.deltas().filter_map(file).collect())
    }

    /// The same changes as a unified diff, cut after `longest` bytes (the second value tells).
    ///
    /// # Errors
    /// When one of the two is unknown.
    pub fn diff(&self, project: &ProjectId, base: &str, head: &str, longest: usize) -> Result<(String, bool), GitError> {
        let mirror = self.open_mirror(project)?;
        let diff = between(&mirror, base, head)?;
        print(&diff, longest)
    }
}

/// A unified diff, cut after `longest` bytes (the second value tells).
pub(super) fn print(diff: &Diff<'_>, longest: usize) -> Result<(String, bool), GitError> {
    let mut text: Vec<u8> = Vec::new();
    let mut cut = false;
    let printed = diff.print(DiffFormat::Patch, |_, _, line| {
        let sign = matches!(line.origin(), '+' | '-' | ' ');
        if text.len() + line.content().len() + usize::from(sign) > longest {
            cut = true;
            return false;
        }
        if sign {
            text.push(u8::try_from(line.origin()).unwrap_or(b' '));
        }
        text.extend_from_slice(line.content());
        true
    });
    if !cut {
        printed.doing("printing the changes")?;
    }
    Ok((String::from_utf8_lossy(&text).into_owned(), cut))
}

/// The paths changed from `base` (nothing: the empty tree) to `head`, sorted, and how many lines were added or removed in them.
pub(super) fn extent(repo: &Repository, base: Option<Oid>, head: Oid) -> Result<(Vec<String>, u64), GitError> {
    let tree = |id| repo.find_commit(id).and_then(|commit| commit.tree()).doing("reading a commit");
    let base = base.map(tree).transpose()?;
    let diff = repo.diff_tree_to_tree(base.as_ref(), Some(&tree(head)?), None).doing("comparing commits")?;
    let lines = diff.stats().map(|stats| stats.insertions().saturating_add(stats.deletions())).doing("counting changed lines")?;
    Ok((diff.deltas().filter_map(|delta| path_of(&delta)).collect(), u64::try_from(lines).unwrap_or(u64::MAX)))
}

fn path_of(delta: &git2::DiffDelta<'_>) -> Option<String> {
    let bytes = delta.new_file().path_bytes().or_else(|| delta.old_file().path_bytes())?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

fn between<'a>(mirror: &'a Mirror, base: &str, head: &str) -> Result<Diff<'a>, GitError> {
    let (base, head) = (resolve(mirror, base)?, resolve(mirror, head)?);
    let repo = &mirror.repo;
    let base = repo.merge_base(base, head).unwrap_or(base);
    let tree = |id| repo.find_commit(id).and_then(|commit| commit.tree()).doing("reading a commit");
    let mut diff = repo.diff_tree_to_tree(Some(&tree(base)?), Some(&tree(head)?), None).doing("comparing commits")?;
    diff.find_similar(Some(DiffFindOptions::new().renames(true))).doing("comparing commits")?;
    Ok(diff)
}

fn resolve(mirror: &Mirror, name: &str) -> Result<Oid, GitError> {
    let commit = (name.len() == 40).then(|| Oid::from_str(name).ok()).flatten().filter(|id| mirror.repo.find_commit(*id).is_ok());
    let origin = || name.strip_prefix("origin/").and_then(|name| mirror.origin(name));
    commit.or_else(|| mirror.branch(name)).or_else(origin).ok_or_else(|| GitError::Unknown { what: name.to_owned() })
}

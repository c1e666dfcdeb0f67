//! Files that pass through a program (Git LFS and the like) are refused, because the server runs no program chosen by a repository (git R7).
//!
//! Spec: specs/server/runner/git.md

use git2::{ObjectType, Oid, Repository, Tree, TreeWalkMode, TreeWalkResult};

use super::error::{GitError, RepositoryRefused, While};
use super::rooms::ProjectState;

/// Checks the commit `tip`, unless the same or a compared commit was checked before.
pub(super) fn check_commit(repo: &Repository, tip: Oid, state: &ProjectState) -> Result<(), GitError> {
    let known = *state.checked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match known {
        Some(known) if known == tip => return Ok(()),
        Some(known) => check_changes(repo, known, tip)?,
        None => check_tree(repo, tip)?,
    }
    *state.checked.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(tip);
    Ok(())
}

/// Looks at every attributes file of a commit.
pub(super) fn check_tree(repo: &Repository, tip: Oid) -> Result<(), GitError> {
    let tree = repo.find_commit(tip).and_then(|commit| commit.tree()).doing("reading the repository's files")?;
    check_files(repo, &tree)
}

/// Looks at every attributes file of a tree.
pub(super) fn check_files(repo: &Repository, tree: &Tree<'_>) -> Result<(), GitError> {
    let mut found = Vec::new();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() == Some(ObjectType::Blob) && entry.name_bytes() == b".gitattributes" {
            found.push((format!("{folder}.gitattributes"), entry.id()));
        }
        TreeWalkResult::Ok
    })
    .doing("reading the repository's files")?;
    found.into_iter().try_for_each(|(file, id)| check_blob(repo, &file, id))
}

/// Looks at the attributes files that differ between two commits.
pub(super) fn check_changes(repo: &Repository, known: Oid, tip: Oid) -> Result<(), GitError> {
    let tree = |id| repo.find_commit(id).and_then(|commit| commit.tree()).doing("reading the repository's files");
    let diff = repo.diff_tree_to_tree(Some(&tree(known)?), Some(&tree(tip)?), None).doing("comparing commits")?;
    for delta in diff.deltas() {
        let file = delta.new_file();
        let Some(path) = file.path() else { continue };
        if path.file_name().is_some_and(|name| name == ".gitattributes") && !file.id().is_zero() {
            check_blob(repo, &path.display().to_string(), file.id())?;
        }
    }
    Ok(())
}

fn check_blob(repo: &Repository, file: &str, id: Oid) -> Result<(), GitError> {
    let blob = repo.find_blob(id).doing("reading an attributes file")?;
    match filter_of(&String::from_utf8_lossy(blob.content())) {
        None => Ok(()),
        Some(filter) => Err(RepositoryRefused::Filter { file: file.to_owned(), filter }.into()),
    }
}

fn filter_of(text: &str) -> Option<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split_whitespace().skip(1))
        .find_map(|attribute| attribute.strip_prefix("filter="))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::filter_of;

    /// git R7
    #[test]
    fn finds_filters() {
        assert_eq!(filter_of("*.bin filter=lfs diff=lfs merge=lfs -text"), Some("lfs".to_owned()));
        assert_eq!(filter_of("[attr]big filter=crypt"), Some("crypt".to_owned()));
        assert_eq!(filter_of("# *.bin filter=lfs\n*.txt text eol=lf\n*.c -filter\nfilter=x text"), None);
    }
}

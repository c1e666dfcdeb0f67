//! Text files of a folder, as they are on the default branch.
//!
//! Spec: specs/server/runner/desk.md

use std::path::Path;

use aq_core::git_link::{GitPlace, TextLook};
use git2::{ObjectType, Repository, Tree};

use super::Desk;
use crate::git::error::{GitError, While};
use crate::git::mirror::Ready;

/// How much of a file is told, in bytes.
const HEAD: usize = 8 * 1024;
/// Files larger than this are left out: reading one unpacks it whole.
const LARGEST: u64 = 4 * 1024 * 1024;
/// How deep folders are looked into.
const DEPTH: usize = 8;

impl Desk {
    pub(super) fn text_files(&self, place: &GitPlace, folder: &str, ending: &str, most: usize) -> Result<Vec<TextLook>, GitError> {
        let Ready { mirror, tip, .. } = self.ready(place, false)?;
        let Some(tip) = tip else { return Ok(Vec::new()) };
        let repo = &mirror.repo;
        let root = repo.find_commit(tip).and_then(|commit| commit.tree()).doing("reading a commit")?;
        let tree = match root.get_path(Path::new(folder)) {
            Ok(entry) if entry.kind() == Some(ObjectType::Tree) => repo.find_tree(entry.id()).doing("reading a folder")?,
            _ => return Ok(Vec::new()),
        };
        let mut found = Vec::new();
        gather(repo, &tree, "", ending, most, 1, &mut found)?;
        found.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(found)
    }
}

fn gather(
    repo: &Repository,
    tree: &Tree<'_>,
    prefix: &str,
    ending: &str,
    most: usize,
    depth: usize,
    found: &mut Vec<TextLook>,
) -> Result<(), GitError> {
    for entry in tree {
        if found.len() >= most {
            return Ok(());
        }
        let Ok(name) = entry.name() else { continue };
        let path = format!("{prefix}{name}");
        let is_file = matches!(entry.filemode(), 0o100_644 | 0o100_755);
        if entry.kind() == Some(ObjectType::Tree) && depth < DEPTH {
            let inner = repo.find_tree(entry.id()).doing("reading a folder")?;
            gather(repo, &inner, &format!("{path}/"), ending, most, depth + 1, found)?;
        } else if is_file && name.ends_with(ending) {
            let odb = repo.odb().doing("reading a file")?;
            let (size, _) = odb.read_header(entry.id()).doing("reading a file")?;
            let size = u64::try_from(size).unwrap_or(u64::MAX);
            if size <= LARGEST {
                let blob = repo.find_blob(entry.id()).doing("reading a file")?;
                let bytes = blob.content();
                let head = String::from_utf8_lossy(bytes.get(..HEAD.min(bytes.len())).unwrap_or_default()).into_owned();
                found.push(TextLook { path, size, head });
            }
        }
    }
    Ok(())
}

//! Files as they are on the default branch: one by its path, or all of them in a folder, without a checkout of anybody's.
//!
//! Spec: specs/server/runner/desk.md

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aq_core::git_link::{GitPlace, GitRefused};
use git2::{ObjectType, Repository, Tree};

use super::Desk;
use super::link::{refusal, state};
use crate::git::error::{GitError, While};
use crate::git::mirror::Ready;

/// Most that is written for one export: bytes, and files.
const MOST: (u64, usize) = (512 * 1024 * 1024, 100_000);
/// How deep folders are followed.
const DEPTH: usize = 64;

/// What may still be written.
struct Room {
    bytes: u64,
    files: usize,
}

impl Desk {
    /// Writes the files of the default branch into `folder`, which is empty. Links and submodules are left out. Blocking.
    ///
    /// # Errors
    /// Why there is no such branch, or that it is too large to be written out.
    pub fn export(&self, place: &GitPlace, folder: &Path) -> Result<(), GitRefused> {
        self.write_out(place, folder).map_err(|error| refusal(&error))
    }

    fn write_out(&self, place: &GitPlace, folder: &Path) -> Result<(), GitError> {
        let Ready { mirror, tip, .. } = self.ready(place, false)?;
        let Some(tip) = tip else { return Ok(()) };
        let repo = &mirror.repo;
        let tree = repo.find_commit(tip).and_then(|commit| commit.tree()).doing("reading a commit")?;
        write_tree(repo, &tree, folder, DEPTH, &mut Room { bytes: MOST.0, files: MOST.1 })
    }

    /// The beginning of a file of the default branch, at most `most` bytes; `None`: there is no file of this path.
    pub(super) fn text_file(&self, place: &GitPlace, path: &str, most: usize) -> Result<Option<String>, GitError> {
        let Ready { mirror, tip, .. } = self.ready(place, false)?;
        let Some(tip) = tip else { return Ok(None) };
        let repo = &mirror.repo;
        let root = repo.find_commit(tip).and_then(|commit| commit.tree()).doing("reading a commit")?;
        let Ok(entry) = root.get_path(Path::new(path)) else { return Ok(None) };
        if !is_file(entry.filemode()) {
            return Ok(None);
        }
        if size(repo, entry.id())? > MOST.0 {
            return Err(state(format!("`{path}` is too large to be read")));
        }
        let blob = repo.find_blob(entry.id()).doing("reading a file")?;
        let bytes = blob.content();
        Ok(Some(String::from_utf8_lossy(bytes.get(..most.min(bytes.len())).unwrap_or_default()).into_owned()))
    }
}

const fn is_file(mode: i32) -> bool {
    matches!(mode, 0o100_644 | 0o100_755)
}

fn size(repo: &Repository, id: git2::Oid) -> Result<u64, GitError> {
    let (size, _) = repo.odb().doing("reading a file")?.read_header(id).doing("reading a file")?;
    Ok(u64::try_from(size).unwrap_or(u64::MAX))
}

fn write_tree(repo: &Repository, tree: &Tree<'_>, folder: &Path, depth: usize, room: &mut Room) -> Result<(), GitError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| GitError::Io { path, source }
    };
    for entry in tree {
        // Git itself refuses such names; a repository of somebody's own making may hold them.
        let Ok(name) = entry.name() else { continue };
        if matches!(name, "" | "." | ".." | ".git") || name.contains(['/', '\\', '\0']) {
            continue;
        }
        let path = folder.join(name);
        if entry.kind() == Some(ObjectType::Tree) && depth > 0 {
            fs::create_dir(&path).map_err(failed(&path))?;
            let inner = repo.find_tree(entry.id()).doing("reading a folder")?;
            write_tree(repo, &inner, &path, depth - 1, room)?;
        } else if is_file(entry.filemode()) {
            let bytes = size(repo, entry.id())?;
            if bytes > room.bytes || room.files == 0 {
                return Err(state("the repository is too large to be written out; link a checkout of it with AddWorkspace"));
            }
            room.bytes -= bytes;
            room.files -= 1;
            let blob = repo.find_blob(entry.id()).doing("reading a file")?;
            let mode = if entry.filemode() == 0o100_755 { 0o755 } else { 0o644 };
            let made = File::options().write(true).create_new(true).mode(mode).open(&path);
            made.and_then(|mut file| file.write_all(blob.content())).map_err(failed(&path))?;
        }
    }
    Ok(())
}

//! Reading a `.git` directory that an agent could write: plain text files only, no configuration, no links (git R6).
//!
//! Spec: specs/server/runner/git.md

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{Index, Oid, Reference};

use super::error::{AtPath, GitError};
use super::replay::conflicts;

/// Longest text file of a git directory that is read, in bytes (packed references of a large repository).
const LONGEST: u64 = 64 << 20;

/// A `.git` directory whose parts that we read were found to be plain files and directories.
pub(super) struct GitDir {
    path: PathBuf,
}

/// What was left unfinished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) operation: &'static str,
    /// Files with conflicts that are not marked as resolved.
    pub(super) files: Vec<String>,
    /// Everything that git knew of, conflicts included; what is not in it was never added.
    pub(super) tracked: BTreeSet<PathBuf>,
}

impl Unfinished {
    /// True when the files on disk are not the agent's work but a stop on the way: an older commit, or half of a rebase.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.operation, "rebase" | "bisection")
    }
}

impl GitDir {
    /// `None` when `<directory>/.git` does not exist.
    pub(super) fn open(directory: &Path) -> Result<Option<Self>, GitError> {
        let path = directory.join(".git");
        let Ok(found) = fs::symlink_metadata(&path) else { return Ok(None) };
        let refuse = |path: PathBuf, why| Err(GitError::Unsafe { path, why });
        if !found.is_dir() {
            return refuse(path, "it is not a directory");
        }
        for name in ["commondir", "objects/info/alternates", "objects/info/http-alternates"] {
            let file = path.join(name);
            if fs::symlink_metadata(&file).is_ok() {
                return refuse(file, "it points at another repository");
            }
        }
        for name in ["HEAD", "packed-refs", "index", "MERGE_HEAD", "rebase-merge/head-name", "rebase-apply/head-name", "aq-task"] {
            let file = path.join(name);
            if fs::symlink_metadata(&file).is_ok_and(|found| !found.is_file()) {
                return refuse(file, "it is not a plain file");
            }
        }
        let mut folders: Vec<PathBuf> = ["objects", "refs", "rebase-merge", "rebase-apply"].iter().map(|name| path.join(name)).collect();
        while let Some(folder) = folders.pop() {
            match fs::symlink_metadata(&folder) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return refuse(folder, "it is not a directory"),
                Err(_) => continue,
            }
            for entry in fs::read_dir(&folder).at(&folder)? {
                let entry = entry.at(&folder)?;
                let kind = entry.file_type().at(&entry.path())?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if !kind.is_file() {
                    return refuse(entry.path(), "it is not a plain file");
                }
            }
        }
        Ok(Some(Self { path }))
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// The text of our marker: which task the directory belongs to.
    pub(super) fn marker(&self) -> Option<String> {
        self.text("aq-task").map(|text| text.trim().to_owned())
    }

    /// The commit that the agent worked on: the branch under a rebase or bisection, else what is checked out.
    pub(super) fn work(&self) -> Option<Oid> {
        for state in ["rebase-merge/head-name", "rebase-apply/head-name"] {
            if let Some(name) = self.text(state)
                && let Some(tip) = self.reference(name.trim())
            {
                return Some(tip);
            }
        }
        if let Some(name) = self.text("BISECT_START")
            && let Some(tip) = self.reference(&format!("refs/heads/{}", name.trim()))
        {
            return Some(tip);
        }
        self.head()
    }

    /// The branch that is checked out; `None` when none is.
    pub(super) fn branch(&self) -> Option<String> {
        let text = self.text("HEAD")?;
        text.trim().strip_prefix("ref:")?.trim().strip_prefix("refs/heads/").map(str::to_owned)
    }

    fn head(&self) -> Option<Oid> {
        let text = self.text("HEAD")?;
        match text.trim().strip_prefix("ref:") {
            Some(name) => self.reference(name.trim()),
            None => full_oid(text.trim()),
        }
    }

    /// The second parent of a merge whose conflicts, if any, are resolved.
    pub(super) fn merge_head(&self) -> Option<Oid> {
        full_oid(self.text("MERGE_HEAD")?.lines().next()?.trim())
    }

    /// The operation in progress.
    pub(super) fn unfinished(&self) -> Option<Unfinished> {
        let states = [
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase"),
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
            ("BISECT_START", "bisection"),
        ];
        let (_, operation) = states.into_iter().find(|(name, _)| fs::symlink_metadata(self.path.join(name)).is_ok())?;
        let index = Index::open(&self.path.join("index")).ok();
        let files = index.as_ref().map(conflicts).unwrap_or_default();
        let path = |entry: git2::IndexEntry| PathBuf::from(OsStr::from_bytes(&entry.path));
        let tracked = index.iter().flat_map(|index| index.iter().map(path)).collect();
        Some(Unfinished { operation, files, tracked })
    }

    fn reference(&self, name: &str) -> Option<Oid> {
        if !name.starts_with("refs/") || !Reference::is_valid_name(name) {
            return None;
        }
        if let Some(text) = self.text(name) {
            return full_oid(text.trim());
        }
        let packed = self.text("packed-refs")?;
        packed.lines().filter_map(|line| line.split_once(' ')).find(|(_, found)| *found == name).and_then(|(id, _)| full_oid(id))
    }

    fn text(&self, name: &str) -> Option<String> {
        let path = self.path.join(name);
        if !fs::symlink_metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut text = String::new();
        fs::File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

fn full_oid(text: &str) -> Option<Oid> {
    (text.len() == 40).then(|| Oid::from_str(text).ok()).flatten()
}

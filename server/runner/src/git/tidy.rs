//! Keeping a mirror quick: many small object files become one pack, no object is dropped, and packs that were never finished go (workspaces R8, git R12b).
//!
//! Spec: specs/server/runner/workspaces.md

use std::fs;
use std::path::Path;
use std::sync::PoisonError;

use aq_core::ids::ProjectId;

use super::error::GitError;
use super::rooms::Rooms;

/// More loose objects than this are packed: every new directory is given a copy of each, and the directory that goes is searched for what is new among
/// them.
const LOOSE: usize = 200;
/// More packs than this become one.
const PACKS: usize = 20;

impl Rooms {
    /// Packs the mirror's objects when they lie in many files, unreachable ones too; true when it did. New directories are copied from the
    /// mirror file by file, so few files keep them quick. Called when a task's directory was removed. Mostly new objects become a small pack, and
    /// the large ones stay as they are.
    ///
    /// # Errors
    /// When git failed; the mirror is whole either way.
    pub fn tidy(&self, project: &ProjectId) -> Result<bool, GitError> {
        let mirror = self.mirror_directory(project);
        if !is_scattered(&mirror) {
            return Ok(false);
        }
        let state = self.project(project);
        let _fetching = state.mirror.lock().unwrap_or_else(PoisonError::into_inner);
        // Several tasks may have ended at once, and the first one has done it for all.
        if !is_scattered(&mirror) {
            return Ok(false);
        }
        let _copying = state.packs.write().unwrap_or_else(PoisonError::into_inner);
        drop_unfinished(&mirror);
        let repack = |how: &[&str]| self.inner.program.must("repack", Some(&mirror), how, &[]);
        if let Err(error) = repack(&["--geometric=2", "-d", "-q"]) {
            // A git before 2.33 cannot: it packs what is new and reachable, and everything only where that was not enough.
            tracing::debug!(%project, %error, "a mirror is packed as an older git can");
            repack(&["-d", "-q"])?;
            if is_scattered(&mirror) {
                repack(&["-a", "-d", "-k", "-q"])?;
            }
        }
        self.inner.program.must("pack-refs", Some(&mirror), &["--all"], &[])?;
        Ok(true)
    }
}

/// True for a file in a folder of packs that git is still writing: it gets its name when it is whole.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.starts_with("tmp_") || name.starts_with(".tmp-")
}

/// Removes the packs that a killed git did not finish (git R12b). The caller has the lock of the project's mirror, under which alone a git of ours writes packs.
pub(super) fn drop_unfinished(mirror: &Path) {
    for entry in fs::read_dir(mirror.join("objects/pack")).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(is_unfinished) {
            continue;
        }
        let path = entry.path();
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed a pack that a killed git did not finish"),
            Err(error) => tracing::warn!(path = %path.display(), %error, "a pack that a killed git did not finish cannot be removed"),
        }
    }
}

/// True when the objects of a mirror lie in many files.
fn is_scattered(mirror: &Path) -> bool {
    let objects = mirror.join("objects");
    count_loose(&objects) > LOOSE || count(&objects.join("pack"), |name| name.ends_with(".pack")) > PACKS
}

fn count_loose(objects: &Path) -> usize {
    let folders = fs::read_dir(objects).into_iter().flatten().flatten();
    folders.filter(|entry| entry.file_name().len() == 2).map(|entry| count(&entry.path(), |_| true)).sum()
}

fn count(folder: &Path, wanted: impl Fn(&str) -> bool) -> usize {
    fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.file_name().to_str().is_some_and(&wanted)).count()
}

#[cfg(test)]
mod tests {
    use super::super::objects::give;
    use super::*;

    /// git R12b: what git has not finished is given to no directory and is removed; whole packs stay.
    #[test]
    fn unfinished_packs_are_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, directory) = (folder.path().join("mirror"), folder.path().join("directory/objects"));
        let packs = mirror.join("objects/pack");
        fs::create_dir_all(&packs).unwrap();
        for name in
            ["pack-ab.pack", "pack-ab.idx", "pack-ab.rev", "tmp_pack_Xy12", "tmp_idx_Xy12", ".tmp-77-pack-cd.pack", ".tmp-77-pack-cd.idx"]
        {
            fs::write(packs.join(name), name).unwrap();
        }
        let names = |folder: &Path| {
            let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        give(&mirror.join("objects"), &directory).unwrap();
        assert_eq!(names(&directory.join("pack")), ["pack-ab.idx", "pack-ab.pack"]);
        drop_unfinished(&mirror);
        assert_eq!(names(&packs), ["pack-ab.idx", "pack-ab.pack", "pack-ab.rev"]);
        drop_unfinished(&folder.path().join("no mirror"));
    }
}

//! Our repository looking at a run's files: the mirror's objects, an index file of ours, the run's directory as working tree. Nothing of
//! the run's own `.git` is read (git R6).
//!
//! Spec: specs/server/runner/git.md

use std::fs;
use std::path::{Path, PathBuf};

use aq_core::ids::TaskId;
use git2::build::CheckoutBuilder;
use git2::{Delta, FileMode, Index, IndexAddOption, IndexEntry, IndexTime, Oid, Repository};

use super::error::{AtPath, GitError, While};

/// Paths that hold plans and our own files; left out of commits of ours unless the repository has them already.
const PLAN_FILES: [&str; 3] = [".claude/plans/", ".claude/plan.md", ".aq/"];

/// The mirror bound to one run directory.
pub(super) struct Bench {
    repo: Repository,
    index: PathBuf,
    directory: PathBuf,
}

impl Bench {
    pub(super) fn open(mirror: &Path, directory: &Path, task: &TaskId) -> Result<Self, GitError> {
        let folder = mirror.join("aq/index");
        fs::create_dir_all(&folder).at(&folder)?;
        let index = folder.join(task.as_str());
        let lock = folder.join(format!("{task}.lock"));
        if lock.exists() {
            // Only this task's owner writes here; a lock is left by a server that was killed.
            fs::remove_file(&lock).at(&lock)?;
        }
        let repo = Repository::open_bare(mirror).doing("opening the mirror")?;
        repo.set_workdir(directory, false).doing("opening the run's directory")?;
        Ok(Self { repo, index, directory: directory.to_owned() })
    }

    fn index(&self) -> Result<Index, GitError> {
        let mut index = match Index::open(&self.index) {
            Ok(index) => index,
            Err(_) => {
                // A cache of file times and nothing more: a damaged one is made anew.
                fs::remove_file(&self.index).at(&self.index)?;
                Index::open(&self.index).doing("opening the index")?
            }
        };
        self.repo.set_index(&mut index).doing("opening the index")?;
        Ok(index)
    }

    /// Writes the files of `commit` into an empty directory.
    pub(super) fn lay_out(&self, commit: Oid) -> Result<(), GitError> {
        if self.index.exists() {
            fs::remove_file(&self.index).at(&self.index)?;
        }
        self.write_files(commit)
    }

    /// Makes the tracked files those of the commit `to`. Files of the tree `from` that `to` does not have are removed where `removable` says
    /// so; all else is left alone.
    pub(super) fn move_to(&self, from: Oid, to: Oid, removable: impl Fn(&Path) -> bool) -> Result<(), GitError> {
        let target = self.repo.find_commit(to).and_then(|commit| commit.tree()).doing("reading the commit")?;
        let from = self.repo.find_tree(from).doing("reading the tree")?;
        let mut index = self.index()?;
        for path in paths(&self.repo, &from, &target, |delta| delta == Delta::Deleted)? {
            if removable(&path) {
                self.remove_file(&path)?;
            }
            // What stays is unknown to git from now on: writing the files would remove it otherwise.
            if index.get_path(&path, 0).is_some() {
                index.remove(&path, 0).doing("updating the index")?;
            }
        }
        index.write().doing("writing the index")?;
        self.write_files(to)
    }

    fn write_files(&self, to: Oid) -> Result<(), GitError> {
        let mut index = self.index()?;
        let target = self.repo.find_commit(to).and_then(|commit| commit.tree()).doing("reading the commit")?;
        let mut options = CheckoutBuilder::new();
        options.force().allow_conflicts(true);
        self.repo.checkout_tree(target.as_object(), Some(&mut options)).doing("writing the files")?;
        align(&self.repo, &mut index, to)?;
        index.write().doing("writing the index")
    }

    /// True when `to` would add a file where another, unknown to git, lies.
    pub(super) fn would_collide(&self, from: Oid, to: Oid) -> Result<bool, GitError> {
        let tree = |id| self.repo.find_commit(id).and_then(|commit| commit.tree()).doing("reading the commit");
        let added = paths(&self.repo, &tree(from)?, &tree(to)?, |delta| delta == Delta::Added)?;
        Ok(added.iter().any(|path| fs::symlink_metadata(self.directory.join(path)).is_ok()))
    }

    /// The tree of all files that are not ignored, as they lie on disk. `head` is the commit they started from; with `without_plans`, plan
    /// files that it does not have are left out.
    pub(super) fn snapshot(&self, head: Oid, without_plans: bool) -> Result<Oid, GitError> {
        let mut index = self.index()?;
        align(&self.repo, &mut index, head)?;
        let base = self.repo.find_commit(head).and_then(|commit| commit.tree()).doing("reading the commit")?;
        let directory = &self.directory;
        let mut skip = |path: &Path, _: &[u8]| {
            let known = base.get_path(path);
            let submodule = known.as_ref().is_ok_and(|entry| entry.filemode() == i32::from(FileMode::Commit));
            let nested = directory.join(path).is_dir() && fs::symlink_metadata(directory.join(path)).is_ok_and(|found| found.is_dir());
            let plan = without_plans && known.is_err() && is_plan(path);
            i32::from(submodule || nested || plan)
        };
        index.add_all(["*"], IndexAddOption::DEFAULT, Some(&mut skip)).doing("reading the run's files")?;
        let tree = index.write_tree_to(&self.repo).doing("saving the run's files")?;
        index.write().doing("writing the index")?;
        Ok(tree)
    }

    /// Gives the run a copy of our index, so that its `git status` is quick and right for `commit`.
    pub(super) fn copy_index(&self, commit: Oid, to: &Path) -> Result<(), GitError> {
        let mut index = self.index()?;
        align(&self.repo, &mut index, commit)?;
        index.write().doing("writing the index")?;
        let modified = fs::metadata(&self.index).and_then(|found| found.modified()).at(&self.index)?;
        fs::copy(&self.index, to).at(to)?;
        // The same time as ours: git takes files as new as the index for possibly changed.
        fs::File::options().write(true).open(to).and_then(|file| file.set_modified(modified)).at(to)
    }

    /// Removes a tracked file and the folders that become empty, never through a link.
    fn remove_file(&self, path: &Path) -> Result<(), GitError> {
        let mut folder = self.directory.clone();
        for part in path.parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            if !fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir()) {
                return Ok(());
            }
        }
        let file = self.directory.join(path);
        if fs::symlink_metadata(&file).is_ok_and(|found| !found.is_dir()) {
            fs::remove_file(&file).at(&file)?;
        }
        while folder != self.directory && fs::remove_dir(&folder).is_ok() {
            folder.pop();
        }
        Ok(())
    }
}

fn is_plan(path: &Path) -> bool {
    path.to_str().is_some_and(|path| PLAN_FILES.iter().any(|plan| path == *plan || (plan.ends_with('/') && path.starts_with(plan))))
}

fn paths(repo: &Repository, from: &git2::Tree<'_>, to: &git2::Tree<'_>, wanted: impl Fn(Delta) -> bool) -> Result<Vec<PathBuf>, GitError> {
    let diff = repo.diff_tree_to_tree(Some(from), Some(to), None).doing("comparing trees")?;
    let path = |delta: git2::DiffDelta<'_>| delta.new_file().path().or_else(|| delta.old_file().path()).map(Path::to_owned);
    Ok(diff.deltas().filter(|delta| wanted(delta.status())).filter_map(path).collect())
}

/// Makes the index hold exactly the files of `commit`, keeping what it knows of the times of unchanged files.
fn align(repo: &Repository, index: &mut Index, commit: Oid) -> Result<(), GitError> {
    let tree = repo.find_commit(commit).and_then(|commit| commit.tree()).doing("reading the commit")?;
    if index.has_conflicts() {
        return index.read_tree(&tree).doing("reading the tree");
    }
    let diff = repo.diff_tree_to_index(Some(&tree), Some(index), None).doing("comparing with the index")?;
    let mut changes: Vec<(PathBuf, Option<(Oid, u32)>)> = Vec::new();
    for delta in diff.deltas() {
        let (old, new) = (delta.old_file(), delta.new_file());
        if delta.status() == Delta::Added {
            changes.extend(new.path().map(|path| (path.to_owned(), None)));
        } else {
            changes.extend(old.path().map(|path| (path.to_owned(), Some((old.id(), u32::from(old.mode()))))));
        }
    }
    drop(diff);
    changes.sort_by_key(|(_, entry)| entry.is_some());
    for (path, entry) in changes {
        match entry {
            None => index.remove(&path, 0).doing("updating the index")?,
            Some((id, mode)) => index.add(&plain_entry(&path, id, mode)).doing("updating the index")?,
        }
    }
    Ok(())
}

fn plain_entry(path: &Path, id: Oid, mode: u32) -> IndexEntry {
    use std::os::unix::ffi::OsStrExt;
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_os_str().as_bytes().to_vec(),
    }
}

//! Lock files of git: the wait for those of the living, and the removal of those that the dead left in our mirrors.
//!
//! Not here: removing locks in repositories of users and of agents; they belong to somebody who may be alive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use git2::ErrorCode;

use super::orphans;
use super::rooms::Rooms;

/// The waits between attempts at something that another git has locked, in milliseconds: five seconds together. Whoever holds a lock of a reference
/// writes one small file, and packing the references of a mirror locks them one after the other.
const WAITS: [u64; 10] = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2445];

/// Older than any git of ours lives: it is ended after its time (git R5), which `git.fetch_timeout_seconds` makes two hours at most.
const DEAD: Duration = Duration::from_secs((2 * 60 + 15) * 60);

impl Rooms {
    /// Ends the git commands that a killed server left at work in our mirrors, and removes the lock files there. Only for the start of a server: the
    /// mirrors are ours alone and the home is locked, so whoever made these locks is dead then, and a single one would keep a project from ever landing
    /// again (git R12). Blocks for up to five seconds when such a command does not end.
    pub fn clear_dead_locks(&self) {
        orphans::end(&orphans::mark(&self.inner.home));
        for mirror in entries(&self.inner.home.join("mirrors")) {
            clear(&mirror, true, Duration::ZERO);
        }
    }
}

/// Does what needs a lock of git, again and again while another git has it, for five seconds (git R12a). The library does not wait itself, unlike the program.
/// `work` begins anew each time.
pub(super) fn patiently<T>(work: impl FnMut() -> Result<T, git2::Error>) -> Result<T, git2::Error> {
    with_pauses(thread::sleep, work)
}

/// The same in a mirror of ours, where a lock that nobody living can hold is removed first (git R12a).
pub(super) fn patiently_in<T>(mirror: &Path, mut work: impl FnMut() -> Result<T, git2::Error>) -> Result<T, git2::Error> {
    match work() {
        Err(error) if error.code() == ErrorCode::Locked => {
            clear_of_the_dead(mirror);
            patiently(work)
        }
        other => other,
    }
}

/// Removes the locks of a mirror of ours that nobody living can hold (git R12a). True when there was one.
pub(super) fn clear_of_the_dead(mirror: &Path) -> bool {
    clear(mirror, true, DEAD) > 0
}

fn with_pauses<T>(mut pause: impl FnMut(Duration), mut work: impl FnMut() -> Result<T, git2::Error>) -> Result<T, git2::Error> {
    for wait in WAITS {
        match work() {
            Err(error) if error.code() == ErrorCode::Locked => pause(Duration::from_millis(wait)),
            other => return other,
        }
    }
    work()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Removes the locks of this age and tells how many went. They lie beside what they lock: at the top (`config`, `HEAD`, `packed-refs`) and in `refs`. Objects
/// are never locked.
fn clear(folder: &Path, top: bool, age: Duration) -> usize {
    let mut gone = 0;
    for path in entries(folder) {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            if !top || path.file_name().is_some_and(|name| name == "refs") {
                gone += clear(&path, false, age);
            }
            continue;
        }
        let old = age.is_zero() || metadata.modified().is_ok_and(|made| made.elapsed().is_ok_and(|lived| lived >= age));
        if old && path.extension().is_some_and(|extension| extension == "lock") {
            match fs::remove_file(&path) {
                Ok(()) => {
                    gone += 1;
                    tracing::warn!(path = %path.display(), "removed a lock that a killed git left");
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::error!(path = %path.display(), %error, "a lock of a killed git cannot be removed"),
            }
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::mirror::Mirror;
    use super::*;

    /// git R12: locks of references and of the mirror's files go, everything else stays.
    #[test]
    fn only_locks_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = folder.path();
        fs::create_dir_all(mirror.join("refs/remotes/origin")).unwrap();
        fs::create_dir_all(mirror.join("objects/aa")).unwrap();
        for name in ["refs/remotes/origin/main", "refs/remotes/origin/main.lock", "packed-refs.lock", "HEAD", "objects/aa/x.lock"] {
            fs::write(mirror.join(name), "").unwrap();
        }
        clear(mirror, true, Duration::ZERO);
        assert!(
            mirror.join("refs/remotes/origin/main").exists() && mirror.join("HEAD").exists() && mirror.join("objects/aa/x.lock").exists()
        );
        assert!(!mirror.join("refs/remotes/origin/main.lock").exists() && !mirror.join("packed-refs.lock").exists());
    }

    fn mirror() -> (tempfile::TempDir, Mirror, git2::Oid) {
        let folder = tempfile::tempdir().unwrap();
        let repo = git2::Repository::init_bare(folder.path()).unwrap();
        let tree = repo.treebuilder(None).and_then(|tree| tree.write()).unwrap();
        let author = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let commit = repo.commit(None, &author, &author, "first", &repo.find_tree(tree).unwrap(), &[]).unwrap();
        let mirror = Mirror::open(folder.path().to_owned(), Arc::default(), Arc::default()).unwrap();
        (folder, mirror, commit)
    }

    /// git R12a: a reference that another git has locked for a moment, as it does while it packs them, is written when that git is done.
    #[test]
    fn a_lock_of_the_living_is_waited_for() {
        let (_folder, mirror, commit) = mirror();
        let lock = mirror.path.join("refs/heads/work.lock");
        fs::write(&lock, "").unwrap();
        let mut waits = Vec::new();
        let pause = |wait: Duration| {
            waits.push(wait);
            if waits.len() == 3 {
                fs::remove_file(&lock).unwrap();
            }
        };
        with_pauses(pause, || mirror.repo.reference("refs/heads/work", commit, true, "test").map(drop)).unwrap();
        assert_eq!(waits, [5, 10, 20].map(Duration::from_millis));
        assert_eq!(mirror.branch("work"), Some(commit));
    }

    /// git R12a: the wait has an end, and what is wrong otherwise is told at once.
    #[test]
    fn patience_ends() {
        let (_folder, mirror, commit) = mirror();
        fs::write(mirror.path.join("refs/heads/work.lock"), "").unwrap();
        let mut waited = Duration::ZERO;
        let error = with_pauses(|wait| waited += wait, || mirror.repo.reference("refs/heads/work", commit, true, "test").map(drop));
        assert_eq!((error.unwrap_err().code(), waited), (ErrorCode::Locked, Duration::from_secs(5)));
        let unused = |_| panic!("nothing is locked");
        let error = with_pauses(unused, || mirror.repo.reference("refs/heads/a..b", commit, true, "test").map(drop));
        assert_eq!(error.unwrap_err().code(), ErrorCode::InvalidSpec);
    }

    /// git R12a: a lock that is older than any git of ours lives is removed when it is in the way, a younger one is not.
    #[test]
    fn a_lock_of_the_dead_is_removed() {
        let (_folder, mirror, commit) = mirror();
        let made = |name: &str, ago: Duration| {
            let lock = fs::File::create(mirror.path.join(name)).unwrap();
            let now = lock.metadata().and_then(|metadata| metadata.modified()).unwrap();
            lock.set_modified(now - ago).unwrap();
        };
        made("refs/heads/work.lock", DEAD);
        made("packed-refs.lock", DEAD);
        made("refs/heads/other.lock", DEAD - Duration::from_secs(60));
        mirror.set("refs/heads/work", commit).unwrap();
        assert_eq!(mirror.branch("work"), Some(commit));
        assert!(!mirror.path.join("packed-refs.lock").exists() && mirror.path.join("refs/heads/other.lock").exists());
        mirror.delete("refs/heads/work").unwrap();
        assert_eq!(mirror.branch("work"), None);
    }
}

//! Lock files that a killed server left in our mirrors.
//!
//! Not here: locks in repositories of users and of agents; they belong to somebody who may be alive.

use std::fs;
use std::io;
use std::path::Path;

use super::rooms::Rooms;

impl Rooms {
    /// Removes the lock files of every mirror. Only for the start of a server, while nobody works in them: the mirrors are ours alone and
    /// the home is locked, so whoever made these locks is dead, and a single one would keep a project from ever landing again (git R12).
    pub fn clear_dead_locks(&self) {
        for mirror in entries(&self.inner.home.join("mirrors")) {
            clear(&mirror, true);
        }
    }
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Locks lie beside what they lock: at the top (`config`, `HEAD`, `packed-refs`) and in `refs`. Objects are never locked.
fn clear(folder: &Path, top: bool) {
    for path in entries(folder) {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            if !top || path.file_name().is_some_and(|name| name == "refs") {
                clear(&path, false);
            }
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            match fs::remove_file(&path) {
                Ok(()) => tracing::warn!(path = %path.display(), "removed a lock that a killed server left"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::error!(path = %path.display(), %error, "a lock of a killed server cannot be removed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        clear(mirror, true);
        assert!(
            mirror.join("refs/remotes/origin/main").exists() && mirror.join("HEAD").exists() && mirror.join("objects/aa/x.lock").exists()
        );
        assert!(!mirror.join("refs/remotes/origin/main.lock").exists() && !mirror.join("packed-refs.lock").exists());
    }
}

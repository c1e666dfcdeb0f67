//! What `aqctl doctor --fix` mends: rights that are too wide, and what a killed server left behind. Nothing else is safe to do without asking.
//!
//! Each trouble is found here and mended here, so that what is told and what is done cannot differ.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::local::lock::{self, Lock};
use crate::render::finding::{Check, Verdict};

/// Files of the home that open the server to whoever reads them, or say how it was started.
const PRIVATE: [&str; 3] = ["admin.key", "aqd.command", "endpoint"];

/// Something that can be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The name of the check.
    name: &'static str,
    /// How bad it is.
    verdict: Verdict,
    /// What was found.
    message: String,
    /// What helps by hand.
    hint: String,
    remedy: Remedy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Remedy {
    /// Only the owner may use it from now on.
    Close { path: PathBuf, mode: u32 },
    /// What a server that was killed left there goes, while no server runs.
    Remove { home: PathBuf, path: PathBuf },
}

/// What is wrong with the home and can be mended.
pub(super) fn troubles(home: &Path) -> Vec<Trouble> {
    let mut found: Vec<Trouble> = closed(home, "home", 0o700).into_iter().collect();
    found.extend(PRIVATE.iter().filter_map(|name| closed(&home.join(name), "private files", 0o600)));
    // What lies about while a server runs may be its own.
    if lock::look(home).is_ok_and(|lock| lock == Lock::Free) {
        let socket = home.join("aqd.sock");
        if is(&socket, |file| file.file_type().is_socket()) && UnixStream::connect(&socket).is_err() {
            found.push(left(home, socket, "socket", "is left over from a server that was killed"));
        }
        let scratch = |name: &str| home.join(format!(".{name}.new"));
        for path in PRIVATE.map(scratch).into_iter().filter(|path| is(path, Metadata::is_file)) {
            found.push(left(home, path, "scratch files", "was being written when a server was killed"));
        }
    }
    found
}

/// True for a file of ours, itself and not what it points at.
fn is(path: &Path, kind: impl Fn(&Metadata) -> bool) -> bool {
    path.symlink_metadata().is_ok_and(|file| kind(&file) && file.uid() == rustix::process::geteuid().as_raw())
}

/// The trouble with a file or directory of ours that others may use.
fn closed(path: &Path, name: &'static str, mode: u32) -> Option<Trouble> {
    let now = path.symlink_metadata().ok().filter(|file| file.is_file() || file.is_dir())?.permissions().mode() & 0o777;
    if now & 0o077 == 0 || !is(path, |_| true) {
        return None;
    }
    Some(Trouble {
        name,
        verdict: Verdict::Failed,
        message: format!("{} can be read by others (mode {now:o})", path.display()),
        hint: format!("chmod {mode:o} {}", path.display()),
        remedy: Remedy::Close { path: path.to_owned(), mode },
    })
}

fn left(home: &Path, path: PathBuf, name: &'static str, why: &str) -> Trouble {
    Trouble {
        name,
        verdict: Verdict::Warning,
        message: format!("{} {why}", path.display()),
        hint: format!("rm {}", path.display()),
        remedy: Remedy::Remove { home: home.to_owned(), path },
    }
}

impl Trouble {
    /// True for the home itself, of which the checks of the machine tell.
    pub(super) fn is_home(&self) -> bool {
        self.name == "home"
    }

    /// The line of the report when nothing is mended.
    pub(super) fn told(&self) -> Check {
        Check::new(self.name, self.verdict, &self.message).hint(format!("aqctl doctor --fix, or: {}", self.hint))
    }

    /// Mends it, and says what was done.
    pub(super) fn mended(&self) -> Check {
        let (done, tried) = match &self.remedy {
            Remedy::Close { path, mode } => (close(path, *mode), format!("mended: its mode is {mode:o} now")),
            Remedy::Remove { home, path } => (remove(home, path), "mended: it is removed".to_owned()),
        };
        match done {
            Ok(()) => Check::new(self.name, Verdict::Ok, format!("{}; {tried}", self.message)),
            Err(error) => {
                Check::new(self.name, Verdict::Failed, format!("{}; it could not be mended: {error}", self.message)).hint(&self.hint)
            }
        }
    }
}

fn close(path: &Path, mode: u32) -> io::Result<()> {
    if !is(path, |file| file.is_file() || file.is_dir()) {
        return Err(io::Error::other("it is not what it was"));
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Looked at again, because a server may have started meanwhile.
fn remove(home: &Path, path: &Path) -> io::Result<()> {
    if lock::look(home)? != Lock::Free {
        return Err(io::Error::other("a server is running"));
    }
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{FlockOperation, flock};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        set(home.path(), 0o700);
        home
    }

    /// server-control R12: rights that are too wide are told, changed only when asked, and then exactly so far.
    #[test]
    fn wide_rights_are_closed() {
        let home = home();
        let key = home.path().join("admin.key");
        fs::write(&key, "aq_k_s").unwrap();
        set(&key, 0o644);
        set(home.path(), 0o755);
        let found = troubles(home.path());
        assert_eq!(found.iter().map(|trouble| trouble.told().verdict).collect::<Vec<_>>(), [Verdict::Failed, Verdict::Failed]);
        assert!(found[1].told().hint.contains("aqctl doctor --fix, or: chmod 600"), "{:?}", found[1].told());
        assert_eq!((mode(home.path()), mode(&key)), (0o755, 0o644), "telling changes nothing");
        let mended: Vec<Check> = found.iter().map(Trouble::mended).collect();
        assert!(mended.iter().all(|check| check.verdict == Verdict::Ok && check.message.contains("mended")), "{mended:?}");
        assert_eq!((mode(home.path()), mode(&key), troubles(home.path())), (0o700, 0o600, Vec::new()));
    }

    /// server-control R12: what is no file of ours is left alone: what a link points at keeps its rights.
    #[test]
    fn links_are_left_alone() {
        let (home, elsewhere) = (home(), tempfile::tempdir().unwrap());
        let target = elsewhere.path().join("shared");
        fs::write(&target, "x").unwrap();
        set(&target, 0o644);
        std::os::unix::fs::symlink(&target, home.path().join("admin.key")).unwrap();
        assert_eq!(troubles(home.path()), []);
        assert_eq!(mode(&target), 0o644);
        assert_eq!(troubles(&home.path().join("missing")), []);
    }

    /// server-control R12: what a killed server left goes; a socket that somebody answers on, a file of another kind and everything of a running server stay.
    #[test]
    fn what_a_killed_server_left_goes() {
        let home = home();
        let (socket, scratch) = (home.path().join("aqd.sock"), home.path().join(".endpoint.new"));
        let alive = UnixListener::bind(&socket).unwrap();
        assert_eq!(troubles(home.path()), [], "somebody answers");
        drop(alive);
        fs::write(&scratch, "half").unwrap();
        set(&scratch, 0o600);
        let found = troubles(home.path());
        assert_eq!(found.iter().map(|trouble| trouble.verdict).collect::<Vec<_>>(), [Verdict::Warning, Verdict::Warning]);

        fs::write(home.path().join("aqd.lock"), "4242\n").unwrap();
        let lock = fs::File::open(home.path().join("aqd.lock")).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(troubles(home.path()), [], "a server runs");
        let refused = found[0].mended();
        assert_eq!((refused.verdict, refused.message.contains("a server is running")), (Verdict::Failed, true));
        assert!(socket.exists() && scratch.exists());
        drop(lock);

        assert!(found.iter().all(|trouble| trouble.mended().verdict == Verdict::Ok));
        assert!(!socket.exists() && !scratch.exists());
        assert_eq!(found[0].mended().verdict, Verdict::Failed, "it is gone already");
        fs::write(&socket, "no socket").unwrap();
        set(&socket, 0o600);
        assert_eq!(troubles(home.path()), []);
    }
}

//! The data directory: made private, held by one server at a time.
//!
//! Who else may know where the server listens reads `endpoint`; who may do everything reads `admin.key`; who starts the same server again reads
//! `aqd.command`.
//!
//! Spec: specs/server/README.md

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use aq_runner::process::read_stat;
use data_encoding::HEXLOWER;
use sha2::Digest as _;

/// How long one look waits for the next while the lock of a dead server is still held.
const PAUSE: Duration = Duration::from_millis(20);
/// Looks until that is given up.
const LOOKS: u32 = 500;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Another server holds it.
    #[error("another aqd (process {pid}) serves {}; stop it first, or choose another directory with --home", home.display())]
    InUse {
        /// The directory.
        home: PathBuf,
        /// What the other server wrote as its process id.
        pid: String,
    },
    /// The file system refuses.
    #[error("{} cannot be {what}: {source}", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// How a server is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// The program, as a whole path.
    pub program: PathBuf,
    /// Its arguments, with whole paths.
    pub arguments: Vec<OsString>,
}

/// The data directory, locked for this process. The lock ends with the process, however it ends: at once, or, when it died while it was starting a
/// program, as soon as that has begun.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    /// Makes the directory if it is missing, makes it private, and locks it.
    ///
    /// # Errors
    /// [`HomeError::InUse`] when another server holds it.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        Self::open_patiently(path, &mut || thread::sleep(PAUSE))
    }

    fn open_patiently(path: &Path, pause: &mut dyn FnMut()) -> Result<Self, HomeError> {
        let failed = |what| move |source| HomeError::Io { path: path.to_owned(), what, source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("created"))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed("made private"))?;
        let file = path.join("aqd.lock");
        let failed = |what| {
            let path = file.clone();
            move |source| HomeError::Io { path, what, source }
        };
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&file).map_err(failed("opened"))?;
        let mut looks = 0;
        while let Err(refused) = lock.try_lock() {
            if let TryLockError::Error(source) = refused {
                return Err(failed("locked")(source));
            }
            // What the file says is only a help: for the reader, and to tell a server that lives from what one that was killed was just about to start.
            // Such a program has the lock from its fork until it begins.
            let (mut pid, _unknown) = (String::new(), lock.rewind());
            let _unknown = lock.read_to_string(&mut pid);
            let pid = pid.trim().to_owned();
            if looks == LOOKS || lives(&pid) {
                return Err(HomeError::InUse { home: path.to_owned(), pid });
            }
            looks += 1;
            pause();
        }
        lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed("written"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a small private file whole: readers see the old or the new text, never a part.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<(), HomeError> {
        let path = self.path.join(name);
        let failed = |source| HomeError::Io { path: path.clone(), what: "written", source };
        let scratch = self.path.join(format!(".{name}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&scratch).map_err(failed)?;
        file.write_all(text.as_ref()).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&scratch, &path).map_err(failed)
    }

    /// Writes down how this server was started, for whoever starts it again: the program and its arguments, each ended by a NUL byte, which no
    /// argument can hold.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn note(&self, again: &Again) -> Result<(), HomeError> {
        let words = [again.program.as_os_str()].into_iter().chain(again.arguments.iter().map(OsString::as_os_str));
        let text: Vec<u8> = words.map(OsStr::as_bytes).flat_map(|word| word.iter().copied().chain([0])).collect();
        self.write("aqd.command", text)
    }

    /// A socket path that fits the kernel's limit of 107 bytes: below the home when short enough, else in a private folder of the user.
    ///
    /// # Errors
    /// When that folder cannot be made, or belongs to somebody else.
    pub fn socket(&self, runtime_dir: Option<&Path>) -> Result<PathBuf, HomeError> {
        let near = self.path.join("aqd.sock");
        if near.as_os_str().len() <= 100 {
            return Ok(near);
        }
        let user = rustix::process::getuid().as_raw();
        let folder = runtime_dir.map_or_else(|| PathBuf::from(format!("/tmp/aq-{user}")), |dir| dir.join("agent-queue"));
        let failed = |source| HomeError::Io { path: folder.clone(), what: "made private", source };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let metadata = std::fs::symlink_metadata(&folder).map_err(failed)?;
        if !metadata.is_dir() || std::os::unix::fs::MetadataExt::uid(&metadata) != user || metadata.permissions().mode() & 0o077 != 0 {
            return Err(failed(io::Error::other("it is not a private directory of this user")));
        }
        let digest = sha2::Sha256::digest(self.path.as_os_str().as_encoded_bytes());
        Ok(folder.join(format!("{}.sock", HEXLOWER.encode(&digest[..8]))))
    }
}

/// True while the process of this id runs, whoever it is.
fn lives(pid: &str) -> bool {
    pid.parse().ok().and_then(read_stat).is_some_and(|stat| !stat.is_dead())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// F-230, D-107: a second server on the same data directory is refused; a lock file left by a dead one is taken over.
    #[test]
    fn one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("h")).unwrap();
        let refused = Home::open(&folder.path().join("h")).unwrap_err();
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        drop(home);
        Home::open(&folder.path().join("h")).unwrap();
    }

    /// cli/server-control R2, D-107: what a killed server was starting holds the lock a moment longer. The next one waits for that, as long as the file names
    /// nobody who lives, and not for ever.
    #[test]
    fn what_a_killed_server_left_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let file = folder.path().join("aqd.lock");
        std::fs::write(&file, format!("{}\n", dead.id())).unwrap();
        let take = || {
            let lock = File::open(&file).unwrap();
            lock.try_lock().unwrap();
            lock
        };
        let (mut left, mut looks) = (Some(take()), 0);
        let home = Home::open_patiently(folder.path(), &mut || {
            looks += 1;
            if looks == 3 {
                left = None;
            }
        });
        let home = home.unwrap();
        assert_eq!(looks, 3);
        let refused = Home::open_patiently(folder.path(), &mut || panic!("a server that lives is not waited for")).unwrap_err();
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        drop(home);
        std::fs::write(&file, format!("{}\n", dead.id())).unwrap();
        let (_held, mut looks) = (take(), 0);
        let refused = Home::open_patiently(folder.path(), &mut || looks += 1).unwrap_err();
        assert!(matches!(refused, HomeError::InUse { .. }) && looks == LOOKS, "{refused} after {looks}");
    }

    /// A socket path stays below the kernel's limit however deep the home lies.
    #[test]
    fn a_long_home_gets_a_short_socket() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        let home = Home::open(&deep).unwrap();
        let socket = home.socket(Some(folder.path())).unwrap();
        assert!(socket.as_os_str().len() <= 100, "{}", socket.display());
        assert_eq!(socket, home.socket(Some(folder.path())).unwrap());
    }
}

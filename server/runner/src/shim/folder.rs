//! A run folder's files, and how they are written so that a crash leaves the old or the new content, never half of one.
//!
//! Spec: specs/server/runner/shim.md

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::spec::{ExitRecord, FORMAT, RunFile, ShimSpec};

/// Longest path of a Unix socket in bytes.
const MAX_SOCKET_PATH: usize = 107;

/// Why a file of a run folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file is not there.
    #[error("{0} does not exist")]
    Missing(PathBuf),
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The content is not what it should be.
    #[error("{path} is damaged: {source}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// The folder of one run, mode 0700.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Names a folder; nothing is touched.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file `name` in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the folder and the missing ones above it, each 0700.
    pub(super) fn create(&self) -> Result<(), FolderError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|source| FolderError::Io { path: self.path.clone(), source })
    }

    /// Reads the order.
    ///
    /// # Errors
    /// Missing, unreadable or damaged.
    pub fn read_spec(&self) -> Result<ShimSpec, FolderError> {
        read_json(&self.file("spec.json"))
    }

    /// Writes the order, whole or not at all, readable by the owner only. It is not forced to the disk, which would delay every start:
    /// when the machine goes down, the run is lost with or without it.
    ///
    /// # Errors
    /// The file system failed.
    pub fn write_spec(&self, spec: &ShimSpec) -> Result<(), FolderError> {
        self.create()?;
        write_json(&self.path, "spec.json", spec, Force::No)
    }

    /// Reads what the shim says of itself.
    ///
    /// # Errors
    /// Missing (the shim never got so far), unreadable or damaged.
    pub fn read_run(&self) -> Result<RunFile, FolderError> {
        read_json(&self.file("run.json"))
    }

    pub(super) fn write_run(&self, run: &RunFile) -> Result<(), FolderError> {
        write_json(&self.path, "run.json", run, Force::Yes)
    }

    /// True when the run has ended and its record is there.
    #[must_use]
    pub fn has_exit(&self) -> bool {
        self.file("exit.json").exists()
    }

    /// Reads how the run ended.
    ///
    /// # Errors
    /// Missing (it has not ended, or was lost), unreadable or damaged.
    pub fn read_exit(&self) -> Result<ExitRecord, FolderError> {
        read_json(&self.file("exit.json"))
    }

    pub(super) fn write_exit(&self, exit: &ExitRecord) -> Result<(), FolderError> {
        write_json(&self.path, "exit.json", exit, Force::Yes)
    }

    /// Takes the lock that a shim holds for life; an error when another holds it.
    pub(super) fn lock(&self) -> io::Result<File> {
        let lock = File::create(self.file("shim.lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(lock)
    }

    /// True while a shim is at work here, from before the run file is written.
    pub(super) fn is_locked(&self) -> bool {
        let lock = File::open(self.file("shim.lock"));
        lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK))
    }

    /// Forbids any shim to start this run from now on.
    pub(super) fn give_up(&self) {
        // Where the folder is gone, no shim can start either.
        drop(File::create(self.file("given-up")));
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.file("given-up").exists()
    }

    /// Where the control socket may be, best first: in the folder when the path is short enough, else under the user's runtime folder,
    /// else under `/tmp/aq-<uid>`; the latter two named by a digest of the folder's path.
    pub(super) fn socket_candidates(&self) -> Vec<PathBuf> {
        let name = HEXLOWER.encode(&Sha256::digest(self.path.as_os_str().as_bytes())[..10]);
        let uid = rustix::process::getuid().as_raw();
        let mut candidates = vec![self.file("control.sock")];
        // Where XDG_RUNTIME_DIR points on every machine that has one; the shim's own environment is empty.
        let runtime_dir = PathBuf::from(format!("/run/user/{uid}"));
        if runtime_dir.is_dir() {
            candidates.push(runtime_dir.join("aq").join(format!("{name}.sock")));
        }
        candidates.push(PathBuf::from(format!("/tmp/aq-{uid}/{name}.sock")));
        candidates.retain(|path| path.as_os_str().len() <= MAX_SOCKET_PATH);
        candidates
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    let bytes = fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => FolderError::Missing(path.to_owned()),
        _ => FolderError::Io { path: path.to_owned(), source },
    })?;
    serde_json::from_slice(&bytes).map_err(|source| FolderError::Damaged { path: path.to_owned(), source })
}

/// Whether a file must outlive a power failure from the moment it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Force {
    Yes,
    No,
}

/// Temporary file, sync, rename, sync of the folder: after a crash the old or the new content is there.
fn write_json<T: Serialize>(folder: &Path, name: &str, value: &T, force: Force) -> Result<(), FolderError> {
    let path = folder.join(name);
    let temporary = folder.join(format!(".{name}.tmp"));
    let bytes = serde_json::to_vec(value).map_err(|source| FolderError::Damaged { path: path.clone(), source })?;
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&bytes)?;
        if force == Force::Yes {
            file.sync_all()?;
        }
        fs::rename(&temporary, &path)?;
        if force == Force::Yes {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(|source| FolderError::Io { path: path.clone(), source })
}

/// True when this code understands a folder of version `format`.
pub(super) const fn is_known(format: u32) -> bool {
    format >= 1 && format <= FORMAT
}

//! One folder of documents: every file is reached by one step from it, links are never followed, and writing is whole or not at all.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fsync, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::error::DocumentError;

/// Most of a file that is read, in bytes.
pub(super) const MOST_READ: usize = 1024 * 1024;
/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// An open folder.
pub(super) struct Folder(OwnedFd);

/// What lies in a folder.
pub(super) struct Entry {
    /// Its name there.
    pub(super) name: String,
    /// True for a folder.
    pub(super) is_folder: bool,
    /// Size in bytes.
    pub(super) size: u64,
    /// When it was changed, in milliseconds since the Unix epoch.
    pub(super) modified: i64,
}

/// A file that was read.
pub(super) struct Contents {
    /// Its text; bytes that are no text are replaced.
    pub(super) text: String,
    /// True when there is more.
    pub(super) cut: bool,
    /// Size in bytes.
    pub(super) size: u64,
    /// When it was changed, in milliseconds since the Unix epoch.
    pub(super) modified: i64,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Folder {
    /// The folder at `parts` below `base`; missing ones are made when `make`, else the answer is `None`. Each part is one name.
    pub(super) fn open(base: &Path, parts: &[&str], make: bool) -> Result<Option<Self>, DocumentError> {
        let base_name = base.to_string_lossy();
        let mut at = openat(CWD, base, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(DocumentError::of("cannot open", &base_name))?;
        for part in parts {
            let Some(next) = step(&at, part, make)? else { return Ok(None) };
            at = next;
        }
        Ok(Some(Self(at)))
    }

    /// A folder in this one.
    pub(super) fn inside(&self, name: &str, make: bool) -> Result<Option<Self>, DocumentError> {
        Ok(step(&self.0, name, make)?.map(Self))
    }

    /// Ordinary files and folders, by name; everything else is left out.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, DocumentError> {
        let reading = || DocumentError::of("cannot list", ".");
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.0).map_err(reading())?.take(MOST_ENTRIES) {
            let entry = entry.map_err(reading())?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.starts_with('.') {
                continue;
            }
            // What is gone since it was listed is left out too.
            let Ok(stat) = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let kind = FileType::from_raw_mode(stat.st_mode);
            if matches!(kind, FileType::RegularFile | FileType::Directory) {
                let is_folder = kind == FileType::Directory;
                entries.push(Entry { name: name.to_owned(), is_folder, size: size(&stat), modified: modified(&stat) });
            }
        }
        entries.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(entries)
    }

    /// Reads a file, at most `most` bytes of it.
    pub(super) fn read(&self, name: &str, most: usize) -> Result<Option<Contents>, DocumentError> {
        // Not waiting for a writer keeps a pipe that somebody put there from holding the server up.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(DocumentError::of("cannot open", name)(error)),
        };
        let stat = rustix::fs::fstat(&file).map_err(DocumentError::of("cannot look at", name))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(DocumentError::NotPlain(name.to_owned()));
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        File::from(file).take(limit).read_to_end(&mut bytes).map_err(DocumentError::io("cannot read", name))?;
        let cut = u64::try_from(bytes.len()).unwrap_or(u64::MAX) < size(&stat);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Some(Contents { text, cut, size: size(&stat), modified: modified(&stat) }))
    }

    /// Writes a file whole: readers see the old or the new text, never a part, whenever the machine stops.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), DocumentError> {
        // Renaming over a folder or a link would be an act on something that is not ours.
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => {
                return Err(DocumentError::NotPlain(name.to_owned()));
            }
            Ok(_) | Err(Errno::NOENT) => {}
            Err(error) => return Err(DocumentError::of("cannot look at", name)(error)),
        }
        let scratch = format!(".{}.new", uuid::Uuid::now_v7().simple());
        let written = self.write_new(&scratch, text).and_then(|()| {
            renameat(&self.0, &*scratch, &self.0, name).map_err(DocumentError::of("cannot name", name))?;
            fsync(&self.0).map_err(DocumentError::of("cannot keep", name))
        });
        if written.is_err() {
            // The failure that counts is told; a scratch file is never listed.
            let _left_over = unlinkat(&self.0, &*scratch, AtFlags::empty());
        }
        written
    }

    fn write_new(&self, name: &str, text: &str) -> Result<(), DocumentError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR).map_err(DocumentError::of("cannot make", name))?;
        let mut file = File::from(file);
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(DocumentError::io("cannot write", name))
    }

    /// Removes a file; false when there is none.
    pub(super) fn remove(&self, name: &str) -> Result<bool, DocumentError> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) => {
                fsync(&self.0).map_err(DocumentError::of("cannot keep", name))?;
                Ok(true)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(DocumentError::of("cannot remove", name)(error)),
        }
    }
}

fn step(at: &OwnedFd, part: &str, make: bool) -> Result<Option<OwnedFd>, DocumentError> {
    match openat(at, part, FOLDER, Mode::empty()) {
        Ok(next) => Ok(Some(next)),
        Err(Errno::NOENT) if make => {
            match mkdirat(at, part, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(DocumentError::of("cannot make", part)(error)),
            }
            openat(at, part, FOLDER, Mode::empty()).map(Some).map_err(DocumentError::of("cannot open", part))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(DocumentError::of("cannot open", part)(error)),
    }
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn modified(stat: &Stat) -> i64 {
    let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Notes R4, D-74: links are followed neither as folders nor as files, and a pipe holds nobody up.
    #[test]
    fn links_and_pipes_are_not_followed() {
        let base = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        std::fs::create_dir_all(base.path().join("a/b")).unwrap();
        symlink(outside.path(), base.path().join("a/link")).unwrap();
        symlink(outside.path().join("secret"), base.path().join("a/b/secret.md")).unwrap();
        assert!(matches!(Folder::open(base.path(), &["a", "link"], true), Err(DocumentError::NotPlain(_))));
        let folder = Folder::open(base.path(), &["a", "b"], false).unwrap().unwrap();
        assert!(matches!(folder.read("secret.md", 10), Err(DocumentError::NotPlain(_))));
        assert!(matches!(folder.write("secret.md", "x"), Err(DocumentError::NotPlain(_))));
        assert!(folder.entries().unwrap().is_empty());
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(CWD, base.path().join("a/b/pipe.md"), FileType::Fifo, mode, 0).unwrap();
        assert!(matches!(folder.read("pipe.md", 10), Err(DocumentError::NotPlain(_))));
        assert_eq!(std::fs::read_to_string(outside.path().join("secret")).unwrap(), "s");
    }

    /// Notes R5: what is written is there whole, and nothing else is.
    #[test]
    fn writing_is_whole() {
        let base = tempfile::tempdir().unwrap();
        assert!(Folder::open(base.path(), &["a"], false).unwrap().is_none());
        let folder = Folder::open(base.path(), &["a", "b"], true).unwrap().unwrap();
        folder.write("x.md", "one").unwrap();
        folder.write("x.md", "two!").unwrap();
        let read = folder.read("x.md", 3).unwrap().unwrap();
        assert_eq!((read.text.as_str(), read.cut, read.size), ("two", true, 4));
        std::fs::create_dir(base.path().join("a/b/dir.md")).unwrap();
        assert!(folder.write("dir.md", "x").is_err());
        let names: Vec<_> = std::fs::read_dir(base.path().join("a/b")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "no scratch file stays: {names:?}");
        assert!(folder.remove("x.md").unwrap() && !folder.remove("x.md").unwrap());
    }
}

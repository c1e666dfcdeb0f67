//! What a disk may hold after a power cut, made of the notes of what a process did.
//!
//! The disk promises what POSIX promises and no more: what was written to a file before its last synchronisation is there; of what was written
//! after it anything may be, in any order, down to single sectors of the last write. Names (creating, renaming, removing) belong to their folder and are
//! safe once the folder was synchronised; those after it are kept in their order up to a point, as journaling file systems do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand::Rng as _;
use rand::rngs::StdRng;

use super::Note;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A change of a file that may be lost.
enum Change<'a> {
    Write { offset: usize, data: &'a [u8] },
    Length(usize),
}

impl Change<'_> {
    /// Does it, or the first `most` bytes of it.
    fn to(&self, content: &mut Vec<u8>, most: usize) {
        match self {
            Self::Write { offset, data } => {
                let data = &data[..data.len().min(most)];
                if !data.is_empty() {
                    content.resize(content.len().max(offset + data.len()), 0);
                    content[*offset..offset + data.len()].copy_from_slice(data);
                }
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }

    /// How much of it there may be when the power fails in the middle: up to the end of a sector.
    fn torn(&self, random: &mut StdRng) -> usize {
        let Self::Write { offset, data } = self else { return usize::MAX };
        let first = SECTOR - offset % SECTOR;
        let sectors = (data.len() + offset % SECTOR) / SECTOR;
        if sectors == 0 { 0 } else { (first + SECTOR * random.random_range(0..sectors)).min(data.len()) }
    }
}

#[derive(Default)]
struct File<'a> {
    /// What is safe.
    safe: Vec<u8>,
    /// What came after it.
    since: Vec<Change<'a>>,
}

impl File<'_> {
    fn synchronise(&mut self) {
        for change in self.since.drain(..) {
            change.to(&mut self.safe, usize::MAX);
        }
    }

    /// What may be left of it.
    fn left(&self, random: &mut StdRng) -> Vec<u8> {
        let mut content = self.safe.clone();
        let (kind, some) = (random.random_range(0..5), random.random_range(0..=self.since.len()));
        for (number, change) in self.since.iter().enumerate() {
            match kind {
                // None of it.
                0 => {}
                // All of it.
                1 => change.to(&mut content, usize::MAX),
                // The first part, to the end of a write.
                2 if number < some => change.to(&mut content, usize::MAX),
                // The first part, and then a write that was cut.
                3 if number < some => change.to(&mut content, usize::MAX),
                3 if number == some => change.to(&mut content, change.torn(random)),
                // Whatever the disk had come to, some of it in part.
                4 => match random.random_range(0..16) {
                    0..7 => change.to(&mut content, usize::MAX),
                    7 => change.to(&mut content, change.torn(random)),
                    _ => {}
                },
                _ => {}
            }
        }
        content
    }
}

/// A change of the names in a folder.
enum Naming {
    Created(PathBuf, usize),
    Removed(PathBuf),
    Renamed(PathBuf, PathBuf),
}

impl Naming {
    fn folder(&self) -> Option<&Path> {
        let (Self::Created(path, _) | Self::Removed(path) | Self::Renamed(path, _)) = self;
        path.parent()
    }

    fn to(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Created(path, file) => {
                names.insert(path.clone(), *file);
            }
            Self::Removed(path) => {
                names.remove(path);
            }
            Self::Renamed(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

/// What stands behind a number in the notes.
enum Opening {
    File(usize),
    Folder(PathBuf),
    /// Nothing that survives.
    Passing,
}

/// The disk at one instant. It begins with what was there before the notes.
#[derive(Default)]
pub(in crate::store) struct Disk<'a> {
    files: Vec<File<'a>>,
    /// As processes see them.
    names: BTreeMap<PathBuf, usize>,
    safe_names: BTreeMap<PathBuf, usize>,
    since: Vec<Naming>,
    openings: BTreeMap<u32, Opening>,
}

impl<'a> Disk<'a> {
    /// Puts a file there, safely.
    pub(in crate::store) fn put(&mut self, path: &Path, content: Vec<u8>) {
        self.files.push(File { safe: content, since: Vec::new() });
        self.names.insert(path.to_owned(), self.files.len() - 1);
        self.safe_names.insert(path.to_owned(), self.files.len() - 1);
    }

    fn name(&mut self, naming: Naming) {
        naming.to(&mut self.names);
        self.since.push(naming);
    }

    fn change(&mut self, file: u32, change: Change<'a>) {
        if let Some(Opening::File(file)) = self.openings.get(&file) {
            self.files[*file].since.push(change);
        }
    }

    /// Does what a note says.
    pub(in crate::store) fn follow(&mut self, note: &Note<'a>) {
        match *note {
            Note::Opened { file, path, creates } => {
                let opening = match self.names.get(path).copied() {
                    // The index of the log is built anew by whoever opens the database first.
                    _ if path.to_string_lossy().ends_with("-shm") => Opening::Passing,
                    Some(known) => Opening::File(known),
                    None if creates => {
                        self.files.push(File::default());
                        self.name(Naming::Created(path.to_owned(), self.files.len() - 1));
                        Opening::File(self.files.len() - 1)
                    }
                    None => Opening::Folder(path.to_owned()),
                };
                self.openings.insert(file, opening);
            }
            Note::Wrote { file, offset, data } => self.change(file, Change::Write { offset, data }),
            Note::Cut { file, length } => self.change(file, Change::Length(length)),
            Note::Synchronised { file } => match self.openings.get(&file) {
                Some(Opening::File(file)) => self.files[*file].synchronise(),
                Some(Opening::Folder(folder)) => {
                    let (done, since): (Vec<_>, Vec<_>) =
                        std::mem::take(&mut self.since).into_iter().partition(|naming| naming.folder() == Some(folder.as_path()));
                    self.since = since;
                    done.iter().for_each(|naming| naming.to(&mut self.safe_names));
                }
                Some(Opening::Passing) | None => {}
            },
            Note::Unlinked(path) => self.name(Naming::Removed(path.to_owned())),
            Note::Renamed { from, to } => self.name(Naming::Renamed(from.to_owned(), to.to_owned())),
            Note::Told(_) | Note::Hindered => {}
        }
    }

    /// True when something written to a file may be lost.
    pub(in crate::store) fn is_unsafe(&self, path: &Path) -> bool {
        self.names.get(path).is_some_and(|file| !self.files[*file].since.is_empty())
    }

    /// Writes what a power cut at this instant may leave of the files in `from` to the folder `to`.
    pub(in crate::store) fn cut_power(&self, random: &mut StdRng, from: &Path, to: &Path) {
        let mut names = self.safe_names.clone();
        let some = match random.random_range(0..3) {
            0 => 0,
            1 => self.since.len(),
            _ => random.random_range(0..=self.since.len()),
        };
        self.since[..some].iter().for_each(|naming| naming.to(&mut names));
        for (path, file) in names {
            let file_there = to.join(path.strip_prefix(from).unwrap());
            std::fs::create_dir_all(file_there.parent().unwrap()).unwrap();
            std::fs::write(file_there, self.files[file].left(random)).unwrap();
        }
    }
}

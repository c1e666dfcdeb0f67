//! Notes of one project.

use std::path::PathBuf;

use aq_core::ids::ProjectId;
use aq_core::note::{MAX_NOTE_BYTES, appended, note_name, title_of};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::error::DocumentError;
use super::folder::{Contents, Entry, Folder, MOST_READ};

/// Most documents of a kind in a project.
pub(super) const MOST: usize = 1000;
/// How much of a file is read for its title, in bytes.
const HEAD: usize = 8 * 1024;
const ENDING: &str = ".md";

/// The notes of a project below the server's home.
#[derive(Clone, Debug)]
pub struct Notes {
    home: PathBuf,
    project: ProjectId,
}

/// A note in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteLine {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Size in bytes.
    pub size: u64,
    /// When it was changed, in milliseconds since the Unix epoch.
    pub modified: i64,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What a list says of it.
    pub line: NoteLine,
    /// Its text.
    pub text: String,
    /// True when there is more.
    pub cut: bool,
    /// Names the text.
    pub revision: String,
}

/// A note that was written, and whether it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The note.
    pub note: Note,
    /// True when there was none of this name.
    pub is_new: bool,
}

fn revision(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_bytes())[..8])
}

fn note(name: &str, read: Contents) -> Note {
    let title = title_of(&read.text).unwrap_or(name).to_owned();
    let line = NoteLine { name: name.to_owned(), title, size: read.size, modified: read.modified };
    Note { line, revision: revision(&read.text), text: read.text, cut: read.cut }
}

impl Notes {
    /// The notes of `project`.
    #[must_use]
    pub fn new(home: PathBuf, project: ProjectId) -> Self {
        Self { home, project }
    }

    /// The folder that they lie in.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.home.join("projects").join(self.project.as_str()).join("notes")
    }

    fn folder(&self, make: bool) -> Result<Option<Folder>, DocumentError> {
        Folder::open(&self.home, &["projects", self.project.as_str(), "notes"], make)
    }

    /// Every note with its size, by name; titles are read by [`Notes::lines`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn names(&self) -> Result<Vec<NoteLine>, DocumentError> {
        let Some(folder) = self.folder(false)? else { return Ok(Vec::new()) };
        let line = |entry: Entry| {
            let name = entry.name.strip_suffix(ENDING).filter(|name| !entry.is_folder && !name.is_empty())?.to_owned();
            Some(NoteLine { title: name.clone(), name, size: entry.size, modified: entry.modified })
        };
        Ok(folder.entries()?.into_iter().filter_map(line).collect())
    }

    /// The same lines with the titles that the notes give themselves.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn lines(&self, mut lines: Vec<NoteLine>) -> Result<Vec<NoteLine>, DocumentError> {
        let Some(folder) = self.folder(false)? else { return Ok(lines) };
        for line in &mut lines {
            if let Ok(Some(read)) = folder.read(&format!("{}{ENDING}", line.name), HEAD)
                && let Some(title) = title_of(&read.text)
            {
                title.clone_into(&mut line.title);
            }
        }
        Ok(lines)
    }

    /// The note of this name or title.
    ///
    /// # Errors
    /// [`DocumentError::Missing`].
    pub fn read(&self, wanted: &str) -> Result<Note, DocumentError> {
        let missing = || DocumentError::Missing(wanted.chars().take(200).collect());
        let folder = self.folder(false)?.ok_or_else(missing)?;
        let (name, read) = find(&folder, wanted)?.ok_or_else(missing)?;
        Ok(note(&name, read))
    }

    /// Writes the note of this title whole. With `if_revision` only over the text that has it.
    ///
    /// # Errors
    /// [`DocumentError::Changed`], [`DocumentError::TooMany`], or when the disk refuses.
    pub fn write(&self, title: &str, text: &str, if_revision: &str) -> Result<Written, DocumentError> {
        self.put(title, |before| {
            let held = before.map(revision).unwrap_or_default();
            if !if_revision.is_empty() && held != if_revision {
                return Err(DocumentError::Changed(title.to_owned()));
            }
            Ok(text.to_owned())
        })
    }

    /// Adds text at the end of the note of this title, and makes it when it is not there.
    ///
    /// # Errors
    /// [`DocumentError::TooLong`], [`DocumentError::TooMany`], or when the disk refuses.
    pub fn append(&self, title: &str, addition: &str) -> Result<Written, DocumentError> {
        self.put(title, |before| Ok(appended(before, title, addition)))
    }

    fn put(&self, title: &str, change: impl FnOnce(Option<&str>) -> Result<String, DocumentError>) -> Result<Written, DocumentError> {
        let missing = || DocumentError::Missing(title.chars().take(200).collect());
        let folder = self.folder(true)?.ok_or_else(missing)?;
        let found = find(&folder, title)?;
        let is_new = found.is_none();
        let name = match &found {
            Some((name, _)) => name.clone(),
            None => note_name(title).map_err(|_| missing())?,
        };
        if found.as_ref().is_some_and(|(_, read)| read.cut) {
            return Err(DocumentError::TooLong(MAX_NOTE_BYTES));
        }
        let text = change(found.as_ref().map(|(_, read)| read.text.as_str()))?;
        if text.len() > MAX_NOTE_BYTES {
            return Err(DocumentError::TooLong(MAX_NOTE_BYTES));
        }
        if is_new && folder.entries()?.len() >= MOST {
            return Err(DocumentError::TooMany(MOST));
        }
        let file = format!("{name}{ENDING}");
        folder.write(&file, &text)?;
        let read = folder.read(&file, MOST_READ)?.ok_or_else(missing)?;
        Ok(Written { note: note(&name, read), is_new })
    }

    /// Removes the note of this name or title, and says what it was.
    ///
    /// # Errors
    /// [`DocumentError::Missing`].
    pub fn remove(&self, wanted: &str) -> Result<NoteLine, DocumentError> {
        let missing = || DocumentError::Missing(wanted.chars().take(200).collect());
        let folder = self.folder(false)?.ok_or_else(missing)?;
        let (name, read) = find(&folder, wanted)?.ok_or_else(missing)?;
        if !folder.remove(&format!("{name}{ENDING}"))? {
            return Err(missing());
        }
        Ok(note(&name, read).line)
    }
}

/// The exact file name first, then the slug (notes R3). What is no single part of a path is never tried.
fn find(folder: &Folder, wanted: &str) -> Result<Option<(String, Contents)>, DocumentError> {
    let exact = wanted.strip_suffix(ENDING).unwrap_or(wanted);
    let plain = !exact.is_empty() && exact.len() <= 200 && !exact.starts_with('.') && !exact.contains(['/', '\\', '\0']);
    let slug = note_name(wanted).ok();
    for name in plain.then(|| exact.to_owned()).into_iter().chain(slug) {
        if let Some(read) = folder.read(&format!("{name}{ENDING}"), MOST_READ)? {
            return Ok(Some((name, read)));
        }
    }
    Ok(None)
}

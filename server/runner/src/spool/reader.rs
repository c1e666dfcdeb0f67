//! The reading side of a spool: follows a live one, resumes at any record, deletes what was acknowledged.
//!
//! Spec: specs/server/runner/spool.md

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::chunks;
use super::record::{Decoded, RawKind, decode};
use super::watch::Watch;

/// How much is read from a chunk at once.
const READ_BYTES: usize = 256 * 1024;

/// One line of a program, or a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawLine {
    /// Which stream, or that something is missing here.
    pub kind: RawKind,
    /// The bytes as printed, without the line's end; any encoding. Empty for a gap.
    pub bytes: Vec<u8>,
    /// True when the line was longer than [`super::MAX_LINE_BYTES`] and its rest is missing.
    pub truncated: bool,
    /// Bytes that are missing: of this line, or for a gap of the lines that stood here.
    pub dropped: u64,
    /// When the shim read it, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Where the next record starts: open a reader here, or acknowledge up to here.
    pub offset_after: u64,
}

impl RawLine {
    /// The line as text: invalid UTF-8 is replaced, a carriage return at the end is not part of the line.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let bytes = self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes);
        String::from_utf8_lossy(bytes)
    }
}

/// Why a spool cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system failed.
    #[error("spool {folder} cannot be read: {source}")]
    Io {
        /// The spool's folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Follows the spool of one run.
pub struct Reader {
    folder: PathBuf,
    watch: Watch,
    /// The chunk being read, and its file.
    chunk: Option<(u64, File)>,
    /// Bytes read but not yet taken apart; `buffer[taken..]` starts at a record.
    buffer: Vec<u8>,
    taken: usize,
    offset: u64,
    /// True before the first record of a chunk: it may leave out what was lost at the end of the one before.
    begins: bool,
    over: bool,
}

impl Reader {
    /// Opens the spool in `run_folder` at `offset`: 0, or the `offset_after` of a line read earlier. When that part was deleted, reading
    /// starts at the oldest record that is left.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn open(run_folder: &Path, offset: u64) -> Result<Self, SpoolError> {
        let folder = run_folder.join("spool");
        let mut reader = Self {
            watch: Watch::new(run_folder.to_owned()),
            chunk: None,
            buffer: Vec::new(),
            taken: 0,
            offset,
            begins: false,
            over: false,
            folder,
        };
        reader.locate().map_err(|source| reader.fail(source))?;
        Ok(reader)
    }

    fn fail(&self, source: io::Error) -> SpoolError {
        SpoolError::Io { folder: self.folder.clone(), source }
    }

    /// Finds the chunk that holds `offset`.
    fn locate(&mut self) -> io::Result<()> {
        let mut best = None;
        for index in chunks::list(&self.folder)? {
            match chunks::start_offset(&self.folder, index) {
                Some(start) if start <= self.offset || best.is_none() => best = Some((index, start)),
                Some(_) => break,
                None => {}
            }
        }
        if let Some((index, start)) = best {
            let mut file = File::open(chunks::path(&self.folder, index))?;
            self.offset = self.offset.max(start);
            file.seek(SeekFrom::Start(self.offset - start))?;
            self.chunk = Some((index, file));
            self.begins = false;
        }
        Ok(())
    }

    /// The next lines, at most `max`, in order; waits until there is one. Empty: the run is over and everything was read.
    ///
    /// Cancelling the future loses nothing.
    ///
    /// # Errors
    /// The file system failed; calling again is fine.
    pub async fn next_batch(&mut self, max: usize) -> Result<Vec<RawLine>, SpoolError> {
        loop {
            // Reads of at most a few hundred kilobytes that are nearly always in the page cache: cheaper here than on another thread.
            let lines = self.read(max.max(1)).map_err(|source| self.fail(source))?;
            if !lines.is_empty() || self.over {
                return Ok(lines);
            }
            if self.watch.is_over() {
                // Once more: the last lines may have been written between the two looks.
                self.over = true;
            } else {
                self.watch.news().await;
            }
        }
    }

    /// Everything up to `offset` is safe elsewhere: chunks that end before it are deleted. The newest chunk stays.
    ///
    /// # Errors
    /// A chunk cannot be deleted; calling again is fine.
    pub fn ack(&mut self, offset: u64) -> Result<(), SpoolError> {
        let indexes = chunks::list(&self.folder).map_err(|source| self.fail(source))?;
        for pair in indexes.windows(2) {
            let &[index, next] = pair else { continue };
            if chunks::start_offset(&self.folder, next).is_none_or(|start| start > offset) {
                break;
            }
            match fs::remove_file(chunks::path(&self.folder, index)) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(self.fail(source)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes up to `max` whole records from what is there.
    fn read(&mut self, max: usize) -> io::Result<Vec<RawLine>> {
        let mut lines = Vec::new();
        while lines.len() < max {
            let decoded = match decode(self.buffer.get(self.taken..).unwrap_or_default()) {
                // A record of another place is damage, however whole it is: going on from where it says would go round in circles.
                Decoded::Record(record) if record.offset < self.offset || (record.offset > self.offset && !self.begins) => Decoded::Corrupt,
                decoded => decoded,
            };
            match decoded {
                Decoded::Record(record) => {
                    let size = record.size();
                    self.begins = false;
                    self.offset = record.offset + size as u64;
                    lines.push(RawLine {
                        kind: record.kind,
                        bytes: record.payload.to_vec(),
                        truncated: record.kind != RawKind::Gap && record.dropped > 0,
                        dropped: record.dropped,
                        at_ms: record.at_ms,
                        offset_after: self.offset,
                    });
                    self.taken += size;
                }
                Decoded::Incomplete(_) => {
                    // A batch is bounded in bytes as well: one filled buffer.
                    if !lines.is_empty() && self.taken >= READ_BYTES {
                        break;
                    }
                    if !self.fill()? && !self.next_chunk()? {
                        self.look_again_later();
                        break;
                    }
                }
                // Torn by a crash or a full disk: nothing follows in this chunk. A later one may (spool R7).
                Decoded::Corrupt => {
                    if !self.next_chunk()? {
                        self.look_again_later();
                        break;
                    }
                }
            }
        }
        Ok(lines)
    }

    /// Forgets a beginning that has no end yet: the writer takes back what it could not write whole, so that these bytes may change.
    fn look_again_later(&mut self) {
        if self.taken < self.buffer.len() {
            self.chunk = None;
        }
        self.buffer.clear();
        self.taken = 0;
    }

    /// Reads more of the current chunk; false at its present end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.taken.min(self.buffer.len()));
        self.taken = 0;
        if self.chunk.is_none() {
            self.locate()?;
        }
        let Some((_, file)) = &mut self.chunk else { return Ok(false) };
        let read = file.take(READ_BYTES as u64).read_to_end(&mut self.buffer)?;
        Ok(read > 0)
    }

    /// Goes on to the next chunk when there is one. The writer opens it only after it has finished the one before, so that one more
    /// look at the old one settles that nothing was missed.
    fn next_chunk(&mut self) -> io::Result<bool> {
        let Some((current, _)) = &self.chunk else { return Ok(false) };
        let current = *current;
        let Some(next) = chunks::list(&self.folder)?.into_iter().find(|index| *index > current) else {
            return Ok(false);
        };
        if let Decoded::Incomplete(_) = decode(self.buffer.get(self.taken..).unwrap_or_default())
            && self.fill()?
        {
            return Ok(true);
        }
        self.buffer.clear();
        self.taken = 0;
        self.chunk = Some((next, File::open(chunks::path(&self.folder, next))?));
        self.begins = true;
        Ok(true)
    }
}

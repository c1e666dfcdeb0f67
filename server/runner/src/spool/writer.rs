//! The writing side of a spool: bounded in size, never in anybody's way, used by the shim alone.
//!
//! Spec: specs/server/runner/spool.md

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::chunks;
use super::record::{RawKind, Record};

/// A chunk is closed before it grows beyond this many bytes.
pub const CHUNK_BYTES: u64 = 8 * 1024 * 1024;

/// Records are collected up to this many bytes before they are written.
const BATCH_BYTES: usize = 256 * 1024;

/// Beyond the limit the newest lines are remembered up to this many bytes, because an agent's last words hold its result (spool R6).
const TAIL_BYTES: usize = 64 * 1024;

/// What may be kept beyond the limit in all by writing remembered lines whenever the agent falls silent.
const TAIL_ALLOWANCE: u64 = 1024 * 1024;

/// A line remembered beyond the limit.
struct Remembered {
    kind: RawKind,
    bytes: Vec<u8>,
    dropped: u64,
    at_ms: i64,
}

/// Appends lines to a run's spool. A failing disk loses lines, which are counted, and nothing else (spool R5).
pub struct Writer {
    folder: PathBuf,
    chunk: Option<File>,
    next_index: u64,
    chunk_bytes: u64,
    /// Position of the next record; `batch` starts at `flushed`.
    offset: u64,
    flushed: u64,
    batch: Vec<u8>,
    /// Bytes of lines in the batch, lost with it when it cannot be written.
    batch_payload: u64,
    kept: u64,
    limit: u64,
    tail: VecDeque<Remembered>,
    tail_bytes: usize,
    tail_kept: u64,
    gap: u64,
    dropped: u64,
}

impl Writer {
    /// Makes the spool folder and starts with an empty spool. `limit` is the most bytes of lines that are kept.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(folder: &Path, limit: u64) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let next_index = chunks::list(folder)?.last().map_or(0, |last| last + 1);
        Ok(Self {
            folder: folder.to_owned(),
            chunk: None,
            next_index,
            chunk_bytes: 0,
            offset: 0,
            flushed: 0,
            batch: Vec::new(),
            batch_payload: 0,
            kept: 0,
            limit,
            tail: VecDeque::new(),
            tail_bytes: 0,
            tail_kept: 0,
            gap: 0,
            dropped: 0,
        })
    }

    /// Adds a line; `dropped` bytes of it were cut off before.
    pub fn line(&mut self, kind: RawKind, bytes: &[u8], dropped: u64, at_ms: i64) {
        self.dropped += dropped;
        let size = bytes.len() as u64;
        if self.kept.saturating_add(size) <= self.limit && self.tail.is_empty() {
            self.kept += size;
            self.append(kind, bytes, dropped, at_ms);
            return;
        }
        self.remember(Remembered { kind, bytes: bytes.to_vec(), dropped, at_ms });
    }

    /// Counts bytes that never became a line.
    pub fn lost(&mut self, bytes: u64) {
        self.gap += bytes;
        self.dropped += bytes;
    }

    fn remember(&mut self, line: Remembered) {
        self.tail_bytes += line.bytes.len();
        self.tail.push_back(line);
        while self.tail_bytes > TAIL_BYTES {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_bytes -= oldest.bytes.len();
            self.lost(oldest.bytes.len() as u64 + 1);
        }
    }

    /// True while lines beyond the limit are remembered: call [`Writer::quiet`] when the agent has been silent for a moment.
    #[must_use]
    pub fn has_tail(&self) -> bool {
        !self.tail.is_empty()
    }

    /// The agent fell silent: what it said last is written even beyond the limit, while the allowance lasts.
    pub fn quiet(&mut self, at_ms: i64) {
        if self.tail_kept < TAIL_ALLOWANCE {
            self.write_tail(at_ms);
        }
    }

    fn write_tail(&mut self, at_ms: i64) {
        self.write_gap(at_ms);
        self.tail_bytes = 0;
        for line in std::mem::take(&mut self.tail) {
            self.tail_kept += line.bytes.len() as u64;
            self.append(line.kind, &line.bytes, line.dropped, line.at_ms);
        }
    }

    fn write_gap(&mut self, at_ms: i64) {
        let gap = std::mem::take(&mut self.gap);
        if gap > 0 {
            self.push(Record { kind: RawKind::Gap, offset: self.offset, at_ms, dropped: gap, payload: b"" });
        }
    }

    fn append(&mut self, kind: RawKind, bytes: &[u8], dropped: u64, at_ms: i64) {
        self.write_gap(at_ms);
        self.push(Record { kind, offset: self.offset, at_ms, dropped, payload: bytes });
        self.batch_payload += bytes.len() as u64 + 1;
        if self.batch.len() >= BATCH_BYTES {
            self.flush();
        }
    }

    fn push(&mut self, record: Record<'_>) {
        record.encode(&mut self.batch);
        self.offset += record.size() as u64;
    }

    /// Makes what was added visible to readers. Returns true when there is something new to read.
    pub fn flush(&mut self) -> bool {
        if self.batch.is_empty() {
            return false;
        }
        let batch = std::mem::take(&mut self.batch);
        let payload = std::mem::take(&mut self.batch_payload);
        let written = self.write(&batch);
        if written.is_ok() {
            self.chunk_bytes += batch.len() as u64;
            self.flushed = self.offset;
        } else {
            // Whatever reached the disk is cut off again; if even that fails, the next record opens a new chunk behind the torn tail.
            let restored = self.chunk.as_ref().is_some_and(|chunk| chunk.set_len(self.chunk_bytes).is_ok());
            if !restored {
                self.chunk = None;
            }
            self.offset = self.flushed;
            self.lost(payload.max(1));
        }
        self.batch = batch;
        self.batch.clear();
        written.is_ok()
    }

    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        if self.chunk.is_some() && self.chunk_bytes > 0 && self.chunk_bytes + batch.len() as u64 > CHUNK_BYTES {
            self.chunk = None;
        }
        if self.chunk.is_none() {
            let path = chunks::path(&self.folder, self.next_index);
            let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
            self.next_index += 1;
            self.chunk_bytes = 0;
            self.chunk = Some(file);
        }
        match &mut self.chunk {
            Some(chunk) => chunk.write_all(batch),
            None => Ok(()),
        }
    }

    /// Writes what is remembered and the count of what is missing, and makes all of it durable. Returns how many bytes were dropped in all.
    pub fn finish(&mut self, at_ms: i64) -> u64 {
        self.write_tail(at_ms);
        self.flush();
        if let Some(chunk) = &self.chunk {
            // The exit record says how much was dropped; a spool that cannot be made durable is still the best there is.
            drop(chunk.sync_all());
        }
        self.dropped
    }
}

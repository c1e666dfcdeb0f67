//! The records of a file of stored output: their framing, and reading them one after the other, much at once.
//!
//! What the records of a run mean, and where they begin, is the log's business (`output_log`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use aq_proto::v1 as pb;
use prost::Message as _;

/// Longest record accepted when reading back; anything longer is damage.
const MAX_RECORD: usize = 8 * 1024 * 1024;

/// Bytes in front of each record: length and checksum.
const HEADER: usize = 8;

/// Appends the record of an item.
pub(super) fn encode(item: &pb::OutputItem, buffer: &mut Vec<u8>) {
    let encoded = item.encode_to_vec();
    buffer.extend_from_slice(&u32::try_from(encoded.len()).unwrap_or(u32::MAX).to_le_bytes());
    buffer.extend_from_slice(&crc32fast::hash(&encoded).to_le_bytes());
    buffer.extend_from_slice(&encoded);
}

/// The number of an item, which is all that finding one needs.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct Numbered {
    #[prost(uint64, tag = "1")]
    seq: u64,
}

/// One whole, undamaged record.
pub(super) struct Record<'a> {
    /// Where it lies.
    pub(super) offset: u64,
    encoded: &'a [u8],
}

impl Record<'_> {
    /// Where the next one lies.
    pub(super) const fn next(&self) -> u64 {
        self.offset + (HEADER + self.encoded.len()) as u64
    }

    /// The number of its item; `None` when it holds none.
    pub(super) fn seq(&self) -> Option<u64> {
        Numbered::decode(self.encoded).ok().map(|numbered| numbered.seq)
    }

    /// Its item.
    pub(super) fn item(&self) -> Option<pb::OutputItem> {
        pb::OutputItem::decode(self.encoded).ok()
    }
}

/// Reads records in order.
pub(super) struct Records<'a> {
    file: &'a File,
    /// Where `buffer` begins in the file.
    begins: u64,
    end: u64,
    /// Bytes read at once.
    chunk: usize,
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    at: usize,
}

impl<'a> Records<'a> {
    /// The records from `from`, where one begins, to `end`; `chunk` bytes are read at once.
    pub(super) const fn new(file: &'a File, from: u64, end: u64, chunk: usize) -> Self {
        Self { file, begins: from, end, chunk, buffer: Vec::new(), at: 0 }
    }

    /// The next record; `None` when no whole, undamaged one lies there.
    pub(super) fn read(&mut self) -> io::Result<Option<Record<'_>>> {
        if !self.have(HEADER)? {
            return Ok(None);
        }
        let Some(&[a, b, c, d, e, f, g, h]) = self.buffer.get(self.at..self.at + HEADER) else { return Ok(None) };
        let (length, checksum) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]));
        if length > MAX_RECORD || !self.have(HEADER + length)? {
            return Ok(None);
        }
        let from = self.at + HEADER;
        let encoded = self.buffer.get(from..from + length).unwrap_or_default();
        if crc32fast::hash(encoded) != checksum {
            return Ok(None);
        }
        let offset = self.begins + self.at as u64;
        self.at = from + length;
        Ok(Some(Record { offset, encoded }))
    }

    /// Sees to it that so many bytes of the next record are in the buffer; false when the file does not have them.
    fn have(&mut self, bytes: usize) -> io::Result<bool> {
        let there = self.buffer.len() - self.at;
        if there >= bytes {
            return Ok(true);
        }
        let read_to = self.begins + self.buffer.len() as u64;
        let left = usize::try_from(self.end.saturating_sub(read_to)).unwrap_or(usize::MAX);
        if there + left < bytes {
            return Ok(false);
        }
        self.begins += self.at as u64;
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.resize(there + left.min(self.chunk.max(bytes - there)), 0);
        self.file.read_exact_at(self.buffer.get_mut(there..).unwrap_or_default(), read_to)?;
        Ok(true)
    }
}

//! The chunk files of a spool: their names and where each begins.
//!
//! Spec: specs/server/runner/spool.md

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::record::{Decoded, HEADER_BYTES, decode};

/// The file of chunk `index`.
pub(super) fn path(folder: &Path, index: u64) -> PathBuf {
    folder.join(format!("{index:05}.log"))
}

/// The numbers of all chunks, ascending. A missing folder has none.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found: Vec<u64> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".log")?.parse().ok()).collect();
    found.sort_unstable();
    Ok(found)
}

/// Where the chunk begins in the whole spool; `None` while it holds no whole record.
pub(super) fn start_offset(folder: &Path, index: u64) -> Option<u64> {
    let mut file = File::open(path(folder, index)).ok()?;
    let mut bytes = vec![0_u8; HEADER_BYTES];
    file.read_exact(&mut bytes).ok()?;
    if let Decoded::Incomplete(size) = decode(&bytes) {
        bytes.resize(size, 0);
        file.read_exact(bytes.get_mut(HEADER_BYTES..)?).ok()?;
    }
    match decode(&bytes) {
        Decoded::Record(record) => Some(record.offset),
        _ => None,
    }
}

//! Room on the disk.

use std::io;
use std::path::Path;

/// Bytes that this user may still write where `path` lies. The nearest folder that exists is asked.
///
/// # Errors
/// When no folder above exists.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let existing = path.ancestors().find(|folder| folder.exists()).ok_or(io::ErrorKind::NotFound)?;
    let room = rustix::fs::statvfs(existing)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

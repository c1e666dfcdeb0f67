//! What a file says, as text: bounded, and never of a binary file.

use std::fs::File;
use std::io::Read as _;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The file at a place as text.
///
/// # Errors
/// When it cannot be read, is too long, or is no text.
pub(super) fn content(file: File) -> Result<String, String> {
    let kind = file.metadata().map_err(|error| error.to_string())?;
    if !kind.is_file() {
        return Err("it is not a file".to_owned());
    }
    if kind.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.iter().take(8192).any(|byte| *byte == 0) {
        return Err("it is binary".to_owned());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

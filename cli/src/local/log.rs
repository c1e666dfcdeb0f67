//! The server's log file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes read from the end of the file.
const MOST: u64 = 256 * 1024;

/// The log file of the data directory `home`.
#[must_use]
pub(crate) fn path(home: &Path) -> PathBuf {
    home.join("logs").join("aqd.log")
}

/// The last `count` lines, and the position behind them.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn last_lines(path: &Path, count: usize) -> io::Result<(Vec<String>, u64)> {
    let mut file = File::open(path)?;
    let end = file.seek(SeekFrom::End(0))?;
    let start = end.saturating_sub(MOST);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    let read = u64::try_from(bytes.len()).unwrap_or(MOST);
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(count);
    let last = lines.get(first..).unwrap_or_default().iter().map(|line| (*line).to_owned()).collect();
    Ok((last, start + read))
}

/// What was written behind `position`, at most 256 KiB, and the new position. A file that became shorter is read from its beginning.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn behind(path: &Path, position: u64) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let start = if end < position { 0 } else { position };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    // A line that is being written stays for the next time.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(whole);
    let read = u64::try_from(whole).unwrap_or_default();
    Ok((String::from_utf8_lossy(&bytes).into_owned(), start + read))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// F-231: the end of the log, then what is added, line by line, across a truncation.
    #[test]
    fn the_end_and_what_follows() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("aqd.log");
        std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
        let (lines, position) = last_lines(&file, 2).unwrap();
        assert_eq!((lines, position), (vec!["two".to_owned(), "three".to_owned()], 14));
        let mut writer = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        writer.write_all(b"four\nfi").unwrap();
        let (text, position) = behind(&file, position).unwrap();
        assert_eq!((text.as_str(), position), ("four\n", 19));
        std::fs::write(&file, "new\n").unwrap();
        assert_eq!(behind(&file, position).unwrap(), ("new\n".to_owned(), 4));
    }
}

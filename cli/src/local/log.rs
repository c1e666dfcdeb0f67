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

/// The last `count` lines, each of them whole, and the position behind them. A line that is still being written is not among them; [`behind`] gives it when
/// it is. Of a line too long to be read whole there is its end.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn last_lines(path: &Path, count: usize) -> io::Result<(Vec<String>, u64)> {
    let mut file = File::open(path)?;
    let end = file.seek(SeekFrom::End(0))?;
    // One byte more than is shown: it tells whether the first line begins there.
    let start = end.saturating_sub(MOST + 1);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(whole);
    let begun = if start == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
    let read = u64::try_from(whole).unwrap_or(MOST);
    let text = String::from_utf8_lossy(bytes.get(if begun < whole { begun } else { 0 }..).unwrap_or_default());
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
    // A line that is being written stays for the next time, unless it is too long to be read whole.
    let full = u64::try_from(bytes.len()).is_ok_and(|read| read == MOST);
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(if full { bytes.len() } else { 0 }, |at| at + 1);
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

    /// F-231: no line is shown in part, neither the first of those that are read nor one that is still being written.
    #[test]
    fn lines_are_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("aqd.log");
        std::fs::write(&file, "one\ntw").unwrap();
        assert_eq!(last_lines(&file, 5).unwrap(), (vec!["one".to_owned()], 4));
        let most = usize::try_from(MOST).unwrap();
        let line = "0123456789abcde";
        let many = format!("{line}\n").repeat(most / 16 + 3);
        for cut in 0..16 {
            // The place where reading begins moves through a whole line.
            std::fs::write(&file, format!("{}{many}", "x".repeat(cut) + if cut > 0 { "\n" } else { "" })).unwrap();
            std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all("y".repeat(cut).as_bytes()).unwrap();
            let (lines, position) = last_lines(&file, usize::MAX).unwrap();
            assert!(lines.iter().all(|shown| shown == line), "{cut}: {:?}", lines.first());
            assert!(lines.len() >= most / 16 - 1, "{}", lines.len());
            assert_eq!(position, std::fs::metadata(&file).unwrap().len() - u64::try_from(cut).unwrap());
        }
        std::fs::write(&file, format!("{}end\n", "z".repeat(most * 2))).unwrap();
        let (lines, _) = last_lines(&file, 5).unwrap();
        assert!(lines.len() == 1 && lines[0].ends_with("zend"), "{}", lines.len());
    }
}

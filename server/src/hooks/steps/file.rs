//! Reads a file of the project's directory, without leaving it (F-142).

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aq_core::hook::Hook;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use serde_json::{Value, json};

use super::outcome::{LONG, beginning};
use super::place::{directory, repository};
use crate::hooks::parts::Parts;

/// Most of a file that is read, in bytes.
const MOST: u64 = 4 * 1024 * 1024;

pub(super) async fn read(parts: &Parts, hook: &Hook, path: &str, max_lines: u32) -> Result<Value, String> {
    let text = match directory(parts, hook).await? {
        Some(base) => {
            let path = path.to_owned();
            let read = tokio::task::spawn_blocking(move || beneath(&base, &path));
            read.await.map_err(|error| error.to_string())??
        }
        // No directory of the project lies here: the file is the one of the default branch.
        None => {
            let place =
                repository(parts, hook).await?.ok_or("the project has neither a directory nor a repository; link one with AddWorkspace")?;
            let most = usize::try_from(MOST).unwrap_or(usize::MAX);
            let found = parts.git.text(place, path.to_owned(), most).await.map_err(|refused| refused.message)?;
            found.ok_or_else(|| format!("`{path}` is not there on the default branch"))?
        }
    };
    let lines: Vec<&str> = text.lines().take(usize::try_from(max_lines).unwrap_or(usize::MAX)).collect();
    Ok(json!({ "content": beginning(&lines.join("\n"), LONG * 4) }))
}

/// The text of a file below `base`; links are not followed on the whole way.
fn beneath(base: &Path, path: &str) -> Result<String, String> {
    let failed = |error: rustix::io::Errno| match error {
        rustix::io::Errno::XDEV | rustix::io::Errno::LOOP => format!("`{path}` leads through a link or out of the project's directory"),
        rustix::io::Errno::NOENT => format!("`{path}` is not there"),
        other => format!("`{path}` cannot be read: {other}"),
    };
    let folder = openat(CWD, base, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(&folder, path, flags, Mode::empty(), within).map_err(failed)?;
    let stat = fstat(&file).map_err(failed)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(format!("`{path}` is no file"));
    }
    let mut bytes = Vec::new();
    File::from(file).take(MOST).read_to_end(&mut bytes).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// F-142, hooks R8: only what lies below the directory, by no link.
    #[test]
    fn files_outside_are_not_read() {
        let base = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        std::fs::create_dir(base.path().join("a")).unwrap();
        std::fs::write(base.path().join("a/x.txt"), "one\ntwo\n").unwrap();
        symlink(outside.path().join("secret"), base.path().join("link")).unwrap();
        symlink(outside.path(), base.path().join("folder")).unwrap();
        assert_eq!(beneath(base.path(), "a/x.txt").unwrap(), "one\ntwo\n");
        for bad in ["link", "folder/secret", "../x", "/etc/passwd", "a", "nothing", "a/../../x"] {
            assert!(beneath(base.path(), bad).is_err(), "{bad}");
        }
    }
}

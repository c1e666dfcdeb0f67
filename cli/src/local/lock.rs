//! Whether a server is running on a data directory: the lock on `aqd.lock` says so, never the file alone (server-control R2).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::process::Pid;

/// What the lock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Nobody holds it: no server is running, whatever the file says.
    Free,
    /// A server holds it, with the process that it wrote down.
    Held(Option<Pid>),
}

/// Looks at the lock of the data directory `home`.
///
/// # Errors
/// When the file is there and cannot be read.
pub(crate) fn look(home: &Path) -> io::Result<Lock> {
    let mut file = match File::open(home.join("aqd.lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Free),
        Err(error) => return Err(error),
    };
    // A shared lock is taken for an instant only; closing the file gives it back.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Lock::Free),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let _unreadable = (&mut file).take(4096).read_to_string(&mut text);
            Ok(Lock::Held(first_number(&text).and_then(Pid::from_raw)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The first number above 1 of a text.
fn first_number(text: &str) -> Option<i32> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).find(|number| *number > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-230, D-107, server-control R2: a lock file that nobody holds is stale; one that is held names the process.
    #[test]
    fn the_lock_decides_and_not_the_file() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(look(home.path()).unwrap(), Lock::Free);
        std::fs::write(home.path().join("aqd.lock"), "4242\n").unwrap();
        assert_eq!(look(home.path()).unwrap(), Lock::Free);
        let file = File::open(home.path().join("aqd.lock")).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(look(home.path()).unwrap(), Lock::Held(Pid::from_raw(4242)));
        drop(file);
        assert_eq!(look(home.path()).unwrap(), Lock::Free);
    }

    /// server-control R4: what is no process number is never signalled.
    #[test]
    fn only_a_process_number_counts() {
        assert_eq!(first_number("pid: 77 port 1"), Some(77));
        assert_eq!([first_number(""), first_number("1"), first_number("99999999999999")], [None, None, None]);
    }
}

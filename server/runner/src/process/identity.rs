//! Who a process is: its id alone proves nothing, since ids are reused; the id, its start time and the boot do.
//!
//! Spec: specs/server/runner/process.md

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

/// A process that can be recognised later: the id and the start time in clock ticks since the boot (process R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The process id.
    pub pid: i32,
    /// Start time in clock ticks since the boot, field 22 of `/proc/<pid>/stat`.
    pub start_ticks: u64,
}

/// The part of `/proc/<pid>/stat` that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The process id.
    pub pid: i32,
    /// One letter; `Z` and `X` are dead.
    pub state: char,
    /// The parent.
    pub parent: i32,
    /// The process group.
    pub group: i32,
    /// Start time in clock ticks since the boot.
    pub start_ticks: u64,
}

impl Stat {
    /// True for a zombie: it runs no code any more and only waits to be reaped.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// The identity to recognise it by.
    #[must_use]
    pub const fn identity(&self) -> ProcessIdentity {
        ProcessIdentity { pid: self.pid, start_ticks: self.start_ticks }
    }
}

/// Reads `/proc/<pid>/stat`; `None` when there is no such process.
#[must_use]
pub fn read_stat(pid: i32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(pid, &String::from_utf8_lossy(&text))
}

/// The command name stands in parentheses and may itself hold spaces and parentheses: only what follows the last one counts.
fn parse_stat(pid: i32, text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let start_ticks = fields.nth(16)?.parse().ok()?;
    Some(Stat { pid, state, parent, group, start_ticks })
}

/// The id of this boot; start times of different boots must not be compared.
///
/// # Errors
/// `/proc` is not mounted.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Opens a handle on the process, or `None` when it is gone or its id belongs to another process by now (process R2).
///
/// The order matters: the handle first, the look second. What the second look shows is then what the handle holds.
#[must_use]
pub fn open_proven(who: ProcessIdentity) -> Option<OwnedFd> {
    let handle = pidfd_open(Pid::from_raw(who.pid)?, PidfdFlags::empty()).ok()?;
    let stat = read_stat(who.pid)?;
    (stat.start_ticks == who.start_ticks && !stat.is_dead()).then_some(handle)
}

/// True while this very process runs; a zombie does not count.
#[must_use]
pub fn is_alive(who: ProcessIdentity) -> bool {
    read_stat(who.pid).is_some_and(|stat| stat.start_ticks == who.start_ticks && !stat.is_dead())
}

#[cfg(test)]
mod tests {
    use super::{ProcessIdentity, is_alive, open_proven, parse_stat, read_stat};

    /// Process R1: a command name with spaces and parentheses does not shift the fields.
    #[test]
    fn parses_a_hostile_command_name() {
        let text = "42 (a) b (c) S 7 9 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 99 1";
        let stat = parse_stat(42, text).unwrap();
        assert_eq!((stat.state, stat.parent, stat.group, stat.start_ticks), ('S', 7, 9, 123_456));
        assert!(parse_stat(1, "1 (x) S").is_none());
    }

    /// Process R2: the same id with another start time is a stranger.
    #[test]
    fn a_reused_id_is_a_stranger() {
        let own = i32::try_from(std::process::id()).unwrap();
        let stat = read_stat(own).unwrap();
        assert!(is_alive(stat.identity()) && open_proven(stat.identity()).is_some());
        let stranger = ProcessIdentity { pid: own, start_ticks: stat.start_ticks + 1 };
        assert!(!is_alive(stranger) && open_proven(stranger).is_none());
    }
}

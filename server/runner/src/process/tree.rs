//! Process trees: who descends from a process, who carries a run's mark, and how both are ended without touching a stranger.
//!
//! Which signal comes when is the shim's ladder.
//!
//! Spec: specs/server/runner/process.md

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::identity::{Stat, read_stat};

/// The variable that tells an agent which run it belongs to: `<task>.<number>`.
pub const RUN_ID_VARIABLE: &str = "AQ_RUN_ID";

/// The variable that marks every process of a run. Its value is random per run: run names repeat between servers on one machine, marks do not.
pub const MARK_VARIABLE: &str = "AQ_RUN_MARK";

/// How often one pass looks again while it still finds somebody, so that a forking tree is outrun.
const ROUNDS_PER_PASS: usize = 16;

/// The id of every process, as of now.
fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Everybody below `root` (not `root` itself), dead ones left out.
///
/// Complete only while `root` is a subreaper: an orphan then climbs to `root` instead of leaving the tree.
#[must_use]
pub fn descendants(root: i32) -> Vec<Stat> {
    let mut children: BTreeMap<i32, Vec<Stat>> = BTreeMap::new();
    for stat in all().into_iter().filter_map(read_stat) {
        children.entry(stat.parent).or_default().push(stat);
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([root]);
    let mut queue = vec![root];
    while let Some(parent) = queue.pop() {
        for stat in children.get(&parent).into_iter().flatten() {
            if seen.insert(stat.pid) {
                queue.push(stat.pid);
                if !stat.is_dead() {
                    found.push(*stat);
                }
            }
        }
    }
    found
}

/// True when the environment that the process was started with holds `mark`.
fn carries(pid: i32, mark: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    environment
        .split(|byte| *byte == 0)
        .any(|entry| entry.strip_prefix(MARK_VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) == Some(mark.as_bytes()))
}

/// Everybody who carries `mark`, except the caller. An empty mark finds nobody.
#[must_use]
pub fn marked(mark: &str) -> Vec<Stat> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    if mark.is_empty() {
        return Vec::new();
    }
    // Few carry the mark, so the environment is asked first: one file per stranger instead of two.
    let carriers = all().into_iter().filter(|pid| *pid != own && carries(*pid, mark));
    carriers.filter_map(read_stat).filter(|stat| !stat.is_dead()).collect()
}

/// Signals a process that was seen as `seen`, after proving by a handle that it is still the same one and that `ours` still holds (process R3).
/// Returns false when it is gone or turned out to be a stranger.
pub fn signal_proven(seen: &Stat, signal: Signal, ours: impl Fn(&Stat) -> bool) -> bool {
    let Some(pid) = Pid::from_raw(seen.pid) else { return false };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    match read_stat(seen.pid) {
        Some(now) if now.start_ticks == seen.start_ticks && ours(&now) => pidfd_send_signal(&handle, signal).is_ok(),
        _ => false,
    }
}

/// One pass of the final step: SIGKILL for everybody below `root` and everybody who carries `mark`, looking again until nobody new
/// is found. Returns how many living processes the first look found: 0 means an empty pass (process R4).
pub fn kill_pass(root: Option<i32>, mark: &str) -> usize {
    let mut first = None;
    for _ in 0..ROUNDS_PER_PASS {
        let mut found = 0;
        if let Some(root) = root {
            for seen in descendants(root) {
                found += 1;
                signal_proven(&seen, Signal::KILL, |now| now.parent == seen.parent || now.parent == root);
            }
        }
        for seen in marked(mark) {
            found += 1;
            signal_proven(&seen, Signal::KILL, |now| carries(now.pid, mark));
        }
        first.get_or_insert(found);
        if found == 0 {
            break;
        }
    }
    first.unwrap_or(0)
}

/// Ends everybody who carries `mark`, for a run whose shim is gone. Returns how many were still alive when it gave up: 0 is the good answer.
///
/// Blocks for at most `patience`.
pub fn end_marked(mark: &str, patience: Duration) -> usize {
    let give_up = super::clock::monotonic() + patience;
    let mut empty = 0;
    loop {
        let found = kill_pass(None, mark);
        empty = if found == 0 { empty + 1 } else { 0 };
        if empty >= 2 || super::clock::monotonic() >= give_up {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

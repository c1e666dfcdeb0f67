//! A control group per run, where the machine lets us make one: it holds even processes that hide from everything else.
//!
//! Only a net below the net; where no group can be made, nothing changes.
//!
//! Spec: specs/server/runner/process.md

use std::fs;
use std::path::{Path, PathBuf};

/// The group of a run below the group of the calling process, whether it exists or not; `None` without a version 2 hierarchy.
#[must_use]
pub fn path_for(mark: &str) -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let root = mounts.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let place = front.split(' ').nth(4)?;
        back.starts_with("cgroup2 ").then(|| PathBuf::from(place))
    })?;
    Some(root.join(own).join(format!("aq-{mark}")))
}

/// Makes the run's group; `None` where that is not allowed.
#[must_use]
pub fn create(mark: &str) -> Option<PathBuf> {
    let path = path_for(mark)?;
    fs::create_dir(&path).ok()?;
    if path.join("cgroup.kill").exists() {
        return Some(path);
    }
    // A kernel before 5.14: without the kill file the group is of no use to us.
    drop(fs::remove_dir(&path));
    None
}

/// Moves the calling process into the run's group when there is one.
pub fn enter(mark: &str) {
    if let Some(path) = path_for(mark).filter(|path| path.exists()) {
        // Without the group the subreaper and the mark still find everybody.
        drop(fs::write(path.join("cgroup.procs"), "0"));
    }
}

/// Ends everybody in the group.
pub fn kill(path: &Path) {
    // The caller looks again by other means whether anybody is left.
    drop(fs::write(path.join("cgroup.kill"), "1"));
}

/// True while anybody lives in the group.
#[must_use]
pub fn is_populated(path: &Path) -> bool {
    fs::read_to_string(path.join("cgroup.events")).is_ok_and(|text| text.lines().any(|line| line == "populated 1"))
}

/// Removes the empty group and the groups that the agent made below it.
pub fn remove(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // A group that is still busy stays; it holds nothing but a name.
    drop(fs::remove_dir(path));
}

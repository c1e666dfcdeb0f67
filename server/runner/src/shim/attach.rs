//! Takes up runs that an earlier server started: alive, ended, or lost.
//!
//! Spec: specs/server/runner/shim.md

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Signal, pidfd_send_signal};

use super::folder::{FolderError, RunFolder, is_known};
use super::handle::{Shim, read_record};
use super::spec::{ExitRecord, FORMAT, RunFile};
use crate::process::clock::monotonic;
use crate::process::{boot_id, cgroup, end_marked, open_proven};

/// How long leftovers of a lost run are fought.
const SWEEP_PATIENCE: Duration = Duration::from_secs(10);

/// How long a shim that is starting is waited for, and how often it is looked at.
const START_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How a run was found.
#[derive(Debug)]
pub enum Attachment {
    /// Its shim runs; it obeys the given epoch from the first word on.
    Alive(Box<Shim>),
    /// It is over.
    Exited(ExitRecord),
    /// Neither a shim nor a record is there. Processes may be left: call [`end_leftovers`].
    Lost {
        /// What was found, in words.
        reason: String,
    },
}

/// Finds out how the run in `run_folder` is. The shim's identity is proven by the boot, its id and its start time. Call within a tokio runtime.
pub async fn attach(run_folder: &Path, epoch: u64) -> Attachment {
    let folder = RunFolder::new(run_folder);
    let lost = |reason: String| Attachment::Lost { reason };
    wait_for_start(&folder).await;
    let run = match folder.read_run() {
        Ok(run) => run,
        Err(FolderError::Missing(_)) if !folder.has_exit() => return lost("its shim never came to start it".to_owned()),
        Err(error) => return read_record(&folder).map_or_else(|_| lost(error.to_string()), Attachment::Exited),
    };
    if !is_known(run.format) {
        return lost(format!("its folder has format {}, this server knows up to {FORMAT}", run.format));
    }
    // Alive is asked before the record is read: a shim that ends in between has written its record by then.
    let same_boot = boot_id().is_ok_and(|boot| boot == run.boot_id);
    let shim = same_boot.then(|| Shim::open(folder.clone(), epoch)).transpose();
    match shim {
        Ok(Some(shim)) if run.is_shim_alive() => {
            if folder.has_exit() {
                // It has only its own exit left to do.
                return shim.wait().await.map_or_else(|error| lost(error.reason), Attachment::Exited);
            }
            Attachment::Alive(Box::new(shim))
        }
        Err(error) => lost(error.to_string()),
        Ok(_) => match read_record(&folder) {
            Ok(record) => Attachment::Exited(record),
            Err(_) if !same_boot => lost("the machine was started anew".to_owned()),
            Err(error) => lost(error.reason),
        },
    }
}

/// A server may die between starting a shim and the shim's run file: the next one gives such a shim a moment.
async fn wait_for_start(folder: &RunFolder) {
    let give_up = monotonic() + START_PATIENCE;
    while folder.is_locked() && folder.read_run().is_err() && monotonic() < give_up {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Ends whatever a lost run has left behind: its control group where it has one, and everybody who carries its mark. Never a stranger.
/// A shim that has not come so far as to start the agent will not any more. Returns how many processes are still alive, normally 0. A run whose order cannot be read has nothing to be found by.
pub async fn end_leftovers(run_folder: &Path) -> usize {
    let folder = RunFolder::new(run_folder);
    let mark = folder.read_spec().map(|spec| spec.mark).or_else(|_| folder.read_run().map(|run| run.mark));
    let Ok(mark) = mark else { return 0 };
    // First the bar, then the wait: a shim either sees the bar, or is seen by us.
    folder.give_up();
    wait_for_start(&folder).await;
    let group = folder.read_run().ok().and_then(|run| run.cgroup).or_else(|| cgroup::path_for(&mark));
    let work = move || {
        // The shim first when it still runs: it would only get in the way. It carries no mark, so that it never ends itself.
        let shim = folder.read_run().ok().filter(RunFile::is_shim_alive).and_then(|run| open_proven(run.shim));
        if let Some(shim) = shim {
            pidfd_send_signal(&shim, Signal::KILL).ok();
        }
        if let Ok(run) = folder.read_run() {
            // Only a shim that ends in its own way removes its socket, which may lie outside the folder.
            drop(fs::remove_file(run.socket));
        }
        if let Some(group) = group.filter(|group| group.exists()) {
            cgroup::kill(&group);
            let left = end_marked(&mark, SWEEP_PATIENCE);
            cgroup::remove(&group);
            return left;
        }
        end_marked(&mark, SWEEP_PATIENCE)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(0)
}

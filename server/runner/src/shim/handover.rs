//! The exec stage where `bwrap` makes the agent's namespaces: it hands over what goes on inside.
//!
//! The order lies in a folder that is not there any more within the namespaces, and so does our own program: both go in as open files. What is asked of
//! `bwrap` lives in `sandbox`.
//!
//! Spec: specs/server/runner/shim.md

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use nix::sys::signal::{SigSet, Signal};
use rustix::io::{FdFlags, fcntl_setfd};

use super::folder::RunFolder;
use super::hidden::INSIDE_COMMAND;
use super::note::Note;
use super::spec::ShimSpec;
use crate::sandbox;

/// Signals that ask an agent to stop. `bwrap` would end of them at once and take the agent along, in the midst of saving its session. What is blocked stays
/// so over `exec`, so they go past it; the agent gets them as a member of the same group.
pub(super) fn polite() -> SigSet {
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM].into_iter().collect()
}

/// Becomes `bwrap`, which goes on with the stage of `inside`. Returns only when that failed, with a sentence.
pub(super) fn enter(folder: &RunFolder, spec: &ShimSpec, note: &mut Note, file: &mut File) -> String {
    let failed = |error: io::Error| format!("the sandbox cannot be entered: {error}");
    let opened = || -> io::Result<(File, File)> { Ok((File::open("/proc/self/exe")?, File::open(folder.file("spec.json"))?)) };
    let (image, order) = match opened() {
        Ok(files) => files,
        Err(error) => return failed(error),
    };
    for handle in [&image, &order, &*file] {
        if let Err(error) = fcntl_setfd(handle, FdFlags::empty()) {
            return failed(error.into());
        }
    }
    // Stands until the stage inside says better: `bwrap` tells what it could not do on the agent's standard error stream.
    note.error = Some("the sandbox cannot be set up: bwrap did not get to the agent; its own words are in the run's output".to_owned());
    drop(note.write(file));
    if let Err(error) = polite().thread_block() {
        return failed(error.into());
    }
    let files = [image.as_raw_fd(), order.as_raw_fd(), file.as_raw_fd()];
    let arguments: Vec<OsString> =
        [INSIDE_COMMAND.to_owned()].into_iter().chain(files.iter().map(ToString::to_string)).map(OsString::from).collect();
    let error = sandbox::enter(&spec.sandbox, OsStr::new(&path_of(image.as_raw_fd())), &arguments);
    format!("{} cannot be started: {error}", spec.sandbox.bwrap.display())
}

/// A path to an open file, whose own path may lead nowhere.
pub(super) fn path_of(file: RawFd) -> String {
    format!("/proc/self/fd/{file}")
}

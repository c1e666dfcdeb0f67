//! Starts a shim, apart from the server: it lives on when the server ends.
//!
//! Spec: specs/server/runner/shim.md

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::folder::{FolderError, RunFolder};
use super::handle::{Shim, async_handle};
use super::spec::ShimSpec;
use super::supervise::READY;

/// A shim is ready within milliseconds; this long means a machine in trouble.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Longest sentence taken from a shim that could not start.
const MAX_SENTENCE: u64 = 4096;

/// The binary that holds the hidden commands: the server's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShimProgram {
    /// Its path, normally `std::env::current_exe()`.
    pub program: PathBuf,
}

/// Why no shim was started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The run has been started before; attach to it instead.
    #[error("run folder {0} belongs to a run that was started before")]
    AlreadyLaunched(PathBuf),
    /// The order could not be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The program could not be started.
    #[error("the shim {program} cannot be started: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The shim gave up before it was ready.
    #[error("the shim could not start the run: {0}")]
    Failed(String),
    /// The shim was gone before it could say anything: somebody killed it, or the machine did. It is barred, and the run is as lost as one that
    /// is found without its shim.
    #[error("the shim ended without a word")]
    Died,
    /// The shim was not ready in time and was ended.
    #[error("the shim was not ready within {} s", START_PATIENCE.as_secs())]
    TimedOut,
}

/// Writes the order into `run_folder` (made when missing, 0700) and starts its shim. Returns when the run file is in place, so that
/// from then on the run can be found again whatever happens.
///
/// That the *agent* could not be started is not an error here: the exit record says so. Call within a tokio runtime.
///
/// # Errors
/// [`LaunchError`]; then no process of the run is left.
pub async fn launch(program: &ShimProgram, run_folder: &Path, spec: &ShimSpec) -> Result<Shim, LaunchError> {
    let folder = RunFolder::new(run_folder);
    if folder.has_exit() || folder.read_run().is_ok() {
        return Err(LaunchError::AlreadyLaunched(run_folder.to_owned()));
    }
    folder.write_spec(spec)?;
    let fail = |source| LaunchError::Start { program: program.program.clone(), source };
    let mut child = Command::new(&program.program)
        .arg(super::hidden::SHIM_COMMAND)
        .arg(run_folder)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(fail)?;
    let words = child.stdout.take();
    reap_later(child).map_err(fail)?;
    let words = words.ok_or_else(|| fail(io::Error::other("its output cannot be read")))?;
    let mut words = BufReader::new(tokio::process::ChildStdout::from_std(words).map_err(fail)?.take(MAX_SENTENCE));
    let mut line = String::new();
    match tokio::time::timeout(START_PATIENCE, words.read_line(&mut line)).await {
        Ok(Ok(_)) if line.trim_end() == READY => Shim::open(folder, spec.epoch).map_err(|error| LaunchError::Failed(error.to_string())),
        Ok(Ok(0)) => {
            // It may have started the agent already.
            super::attach::end_leftovers(run_folder).await;
            Err(LaunchError::Died)
        }
        Ok(Ok(_)) => Err(LaunchError::Failed(line.trim_end().to_owned())),
        Ok(Err(source)) => Err(fail(source)),
        Err(_) => {
            super::attach::end_leftovers(run_folder).await;
            Err(LaunchError::TimedOut)
        }
    }
}

/// Waits for the shim's end, so that it leaves no zombie. When the runtime ends first, so does the server, and the shim lives on.
fn reap_later(mut child: Child) -> io::Result<()> {
    let handle = async_handle(pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?)?;
    tokio::spawn(async move {
        // Readable once it has ended; an error means that waiting is of no use either.
        drop(handle.readable().await);
        drop(child.wait());
    });
    Ok(())
}

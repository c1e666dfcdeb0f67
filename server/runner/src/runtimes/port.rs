//! The port that every runtime implements, and what it hands to the service.
//!
//! Spec: specs/server/runner/runtimes.md

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aq_core::runner_link::{SessionOrder, StartRun};
use aq_core::runtime::RuntimeKind;

use super::normalizer::{Frame, Normalizer};
use crate::shim::StdinMode;

/// What a launch is decided from.
#[derive(Clone, Copy, Debug)]
pub struct LaunchOrder<'a> {
    /// The server's order.
    pub start: &'a StartRun,
    /// How the session starts; differs from the order's when an earlier launch of the same run found it impossible.
    pub session: &'a SessionOrder,
    /// Counts the launches within the run, from 0.
    pub launch: u32,
    /// The program's home, made for the task.
    pub home: &'a Path,
    /// Where it works: the task's checkout.
    pub directory: &'a Path,
    /// Our own program, which also plays the scripted agent.
    pub ourselves: &'a Path,
    /// The command line, which carries tools to programs that take no server behind a URL; `None`: it is not on this machine.
    pub bridge: Option<&'a Path>,
    /// True when the agent will run as root.
    pub is_root: bool,
    /// True when the configuration lets root agents bypass permissions.
    pub root_bypass: bool,
    /// True when the kernel contains the agent on our order; false leaves that to the program itself.
    pub contained: bool,
    /// The time zone that the program tells times in, by its IANA name.
    pub zone: &'a str,
    /// How long a background task of the agent may hold up the end of its run, in milliseconds.
    pub background_wait_ms: u64,
}

/// Everything that starting the program needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchPlan {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where the native program may lie that the first argument only starts, relative to the folder in which it really lies: the first that
    /// can be executed is started in its place. Empty: the argument is the program.
    pub native: Vec<String>,
    /// Variables on top of the allow-listed ones.
    pub env: BTreeMap<String, String>,
    /// What its standard input is.
    pub stdin: StdinMode,
    /// What it reads first.
    pub frames: Vec<Frame>,
    /// True when nothing follows the first frames.
    pub close_stdin: bool,
    /// Private files to write before the start.
    pub files: Vec<(PathBuf, String)>,
    /// Values that must not appear in output.
    pub secrets: Vec<String>,
    /// Folders that it may write besides its home and the work directory.
    pub writable: Vec<PathBuf>,
}

/// Why an order cannot be carried out; the run fails as an invalid request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchRefused {
    /// No program.
    #[error("the profile's command is empty; name a program")]
    NoCommand,
    /// A value that the program would take for an option.
    #[error("{field} `{value}` is not usable: it is empty or starts with `-`")]
    LooksLikeOption {
        /// The field of the order.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A word that this runtime does not know.
    #[error("{field} `{value}` is not known to {runtime}; choose one of {known}")]
    Unknown {
        /// The field of the order.
        field: &'static str,
        /// Its value.
        value: String,
        /// The runtime.
        runtime: RuntimeKind,
        /// The words that it knows.
        known: &'static str,
    },
}

/// An option with its value, as two arguments.
///
/// # Errors
/// [`LaunchRefused::LooksLikeOption`] when the value is empty or would be taken for an option.
pub(in crate::runtimes) fn option(flag: &str, field: &'static str, value: &str) -> Result<[String; 2], LaunchRefused> {
    if value.is_empty() || value.starts_with('-') {
        return Err(LaunchRefused::LooksLikeOption { field, value: value.to_owned() });
    }
    Ok([flag.to_owned(), value.to_owned()])
}

/// One kind of program (F-095).
pub trait Runtime: Send + Sync {
    /// Which kind.
    fn kind(&self) -> RuntimeKind;

    /// How the program is started.
    ///
    /// # Errors
    /// The order does not make sense for this kind of program.
    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused>;

    /// A normaliser that has read nothing yet.
    fn normalizer(&self, order: &LaunchOrder<'_>) -> Box<dyn Normalizer>;

    /// A normaliser that goes on from [`Normalizer::state`]; `None` when the state is not one of this runtime.
    fn restore(&self, state: &serde_json::Value) -> Option<Box<dyn Normalizer>>;
}

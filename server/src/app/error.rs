//! Why a server does not start, or ends other than asked for.

use aq_runner::redact::RedactError;

use crate::commands::CommandError;
use crate::grpc;
use crate::home::HomeError;
use crate::lifecycle::LifecycleError;
use crate::loopback::ListenError;
use crate::store::StoreError;
use crate::tools::BrokenContract;
use crate::traces::ExporterError;

/// Why a server did not start, or ended other than asked for.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// What was running cannot be taken up.
    #[error("what was running cannot be taken up: {0}")]
    Recover(#[from] LifecycleError),
    /// Something that the configuration names cannot be made.
    #[error("{0}")]
    Command(#[from] CommandError),
    /// The tools cannot be made of the contract.
    #[error(transparent)]
    Tools(#[from] BrokenContract),
    /// What is secret cannot be kept out of what assistants write.
    #[error(transparent)]
    Redact(#[from] RedactError),
    /// The configuration asks for walls around agents that cannot be had here.
    #[error("`agents.sandbox`: {0}; or write `landlock`, which needs nothing but the kernel")]
    Sandbox(String),
    /// A listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] grpc::ListenError),
    /// A listener broke while serving.
    #[error(transparent)]
    Serve(#[from] grpc::ServeError),
    /// A listener for programs of this machine cannot be opened.
    #[error("`{of}.listen`: {source}")]
    Local {
        /// The section of the configuration that names the address.
        of: &'static str,
        /// Why.
        source: ListenError,
    },
    /// There is no way to the collector of spans.
    #[error("`traces.endpoint`: {0}")]
    Traces(#[from] ExporterError),
    /// A file or a signal handler cannot be had.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

/// An I/O error of what was tried.
pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> AppError {
    let what = what.into();
    move |source| AppError::Io { what, source }
}

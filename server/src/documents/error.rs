//! Why a document cannot be had.

use std::io;

/// Why a document cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not there.
    #[error("`{0}` is not there")]
    Missing(String),
    /// What lies there is no ordinary file, or a part of the way no folder.
    #[error("`{0}` is a link or no ordinary file; remove it from the server's data directory")]
    NotPlain(String),
    /// The text is not the one that the caller has read.
    #[error("`{0}` was changed since it was read; read it again")]
    Changed(String),
    /// The project has as many as it may have.
    #[error("the project has {0} of them already; delete some")]
    TooMany(usize),
    /// The text would be too long.
    #[error("would have more than {0} bytes; begin another one")]
    TooLong(usize),
    /// The disk refuses.
    #[error("{what} `{name}`: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        name: String,
        /// Why.
        source: io::Error,
    },
}

impl DocumentError {
    /// The error of a system call about `name`.
    pub(super) fn of(what: &'static str, name: &str) -> impl FnOnce(rustix::io::Errno) -> Self {
        let name = name.to_owned();
        move |error| match error {
            rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR | rustix::io::Errno::ISDIR | rustix::io::Errno::NXIO => {
                Self::NotPlain(name)
            }
            error => Self::Io { what, name, source: error.into() },
        }
    }

    /// The error of reading or writing `name`.
    pub(super) fn io(what: &'static str, name: &str) -> impl FnOnce(io::Error) -> Self {
        let name = name.to_owned();
        move |source| Self::Io { what, name, source }
    }
}

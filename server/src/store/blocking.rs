//! Waits for an asynchronous PostgreSQL call on the calling thread, with a small runtime that belongs to the connection.
//!
//! The server's own runtime is not used: a connection of the writer or of a reader must go on working while that one is ending, and
//! must never borrow its workers.

use std::future::Future;

use diesel_async::async_connection_wrapper::BlockOn;
use tokio::runtime::{Builder, Runtime};

/// The runtime of one PostgreSQL connection. Its tasks make progress only while a call on the connection waits.
pub(super) struct OwnRuntime {
    runtime: Option<Runtime>,
}

impl OwnRuntime {
    fn build() -> std::io::Result<Runtime> {
        Builder::new_current_thread().enable_all().build()
    }

    /// True when the machine gives us what such a runtime needs (two file descriptors). Asked before a connection is opened, because the
    /// opening itself has no way to say so.
    pub(super) fn available() -> std::io::Result<()> {
        Self::build().map(drop)
    }
}

impl BlockOn for OwnRuntime {
    fn block_on<F>(&self, future: F) -> F::Output
    where
        F: Future,
    {
        match &self.runtime {
            Some(runtime) => runtime.block_on(future),
            // Only a dropped connection has none, and nobody can call that.
            None => unreachable!("the connection was dropped"),
        }
    }

    fn get_runtime() -> Self {
        match Self::build() {
            Ok(runtime) => Self { runtime: Some(runtime) },
            Err(error) => unreachable!("the runtime was available a moment ago: {error}"),
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // A plain drop would wait, which an asynchronous thread that holds the last handle must not do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

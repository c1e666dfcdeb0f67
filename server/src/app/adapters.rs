//! The small pieces that let one part of the house use another without knowing it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aq_core::principal::Principal;
use aq_core::runner_link::{BoxFuture, WorkspaceSource};
use aq_core::workspace::WorkspaceKind;
use aq_runner::git::Rooms;
use tokio::sync::watch;

use crate::api::{Ending, KeyRing, RepositoryCheck, RepositoryRefused};
use crate::grpc::{KeyStore, KeyStoreUnavailable};
use crate::shutdown::{Reason, Shutdown};

/// Looks at repositories with the runner's own git.
pub(super) struct Repositories {
    pub(super) rooms: Rooms,
    pub(super) home: PathBuf,
}

impl Repositories {
    async fn inspect(&self, source: WorkspaceSource) -> Result<(), RepositoryRefused> {
        let rooms = self.rooms.clone();
        match tokio::task::spawn_blocking(move || rooms.inspect(&source)).await {
            Ok(Ok(_facts)) => Ok(()),
            Ok(Err(error)) => Err(RepositoryRefused(error.to_string())),
            Err(error) => Err(RepositoryRefused(format!("looking at the repository failed: {error}"))),
        }
    }
}

impl RepositoryCheck for Repositories {
    fn repository(&self, url: &str) -> BoxFuture<'_, Result<(), RepositoryRefused>> {
        let source = WorkspaceSource::Clone { url: url.to_owned() };
        Box::pin(self.inspect(source))
    }

    fn workspace(&self, kind: WorkspaceKind, path: &str) -> BoxFuture<'_, Result<PathBuf, RepositoryRefused>> {
        let path = PathBuf::from(path);
        Box::pin(async move {
            if !path.is_absolute() {
                return Err(RepositoryRefused(format!("`{}` is not an absolute path", path.display())));
            }
            // The real path is what counts: two names of one directory must not become two workspaces.
            let real = match std::fs::canonicalize(&path) {
                Ok(real) => real,
                Err(error) if kind == WorkspaceKind::Init && error.kind() == std::io::ErrorKind::NotFound => path.clone(),
                Err(error) => return Err(RepositoryRefused(format!("`{}` cannot be used: {error}", path.display()))),
            };
            if real.starts_with(&self.home) {
                return Err(RepositoryRefused(format!("`{}` lies inside the server's own data directory", real.display())));
            }
            let text = real.to_string_lossy().into_owned();
            let source = match kind {
                WorkspaceKind::Link => WorkspaceSource::Link { path: text },
                WorkspaceKind::Init => WorkspaceSource::Init { path: text },
                WorkspaceKind::Clone => WorkspaceSource::Clone { url: text },
            };
            self.inspect(source).await?;
            Ok(real)
        })
    }
}

/// Ends the server when the API is asked to.
pub(super) struct Ender {
    pub(super) shutdown: Shutdown,
    pub(super) take_runs: Arc<std::sync::atomic::AtomicBool>,
}

impl Ending for Ender {
    fn end(&self, reason: &str, _grace: Option<Duration>, stop_runs: bool) {
        self.take_runs.store(stop_runs, std::sync::atomic::Ordering::SeqCst);
        self.shutdown.request(Reason::Requested(reason.to_owned()));
    }
}

/// Lets the transport ask the ring of keys.
pub(super) struct Keys(pub(super) KeyRing);

#[tonic::async_trait]
impl KeyStore for Keys {
    async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, KeyStoreUnavailable> {
        self.0.verify(kid, secret).await.map_err(|error| KeyStoreUnavailable(error.to_string()))
    }

    fn taken_back(&self) -> Option<watch::Receiver<u64>> {
        Some(self.0.taken_back())
    }
}

//! One server leads on a database that several share: who comes second stands by, healthy but not ready, and takes over when the leader is gone.
//!
//! What makes a leader is a lock of the session that writes (`store`); an embedded database is guarded by the lock of its home.
//!
//! Spec: specs/server/store.md

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aq_core::principal::Principal;
use aq_core::time::Timestamp;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::error::AppError;
use crate::grpc::{self, Gate, GrpcOptions, Health, KeyStore, KeyStoreUnavailable, Permissions};
use crate::shutdown::Shutdown;
use crate::store::{Connection, DatabaseUrl, Migrated, StoreError, open_leading};

/// How often a server that stands by asks whether the leader is gone.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// A server that stands by knows no keys: whoever calls it is told to try again.
struct NoKeys;

#[tonic::async_trait]
impl KeyStore for NoKeys {
    async fn verify(&self, _: &str, _: &str) -> Result<Option<Principal>, KeyStoreUnavailable> {
        Err(KeyStoreUnavailable("this server stands by: another one leads on its database".to_owned()))
    }
}

/// Opens the write connection as the leader, standing by as long as another server leads. `None`: the server was asked to end meanwhile.
///
/// # Errors
/// The database or a listener cannot be used.
pub(super) async fn lead(
    url: &DatabaseUrl,
    backups: &Path,
    now: Timestamp,
    options: &GrpcOptions,
    shutdown: &Shutdown,
) -> Result<Option<(Connection, Migrated)>, AppError> {
    if let Some(opened) = attempt(url, backups, now).await? {
        return Ok(Some(opened));
    }
    tracing::info!(database = %url, "standing by: another server leads on this database");
    let (listeners, health, stop) = (grpc::bind(options).await?, Health::starting().await, CancellationToken::new());
    let gate = Gate { keys: Arc::new(NoKeys), permissions: Permissions::new(), calls: None, witness: None };
    let serving = tokio::spawn({
        let (options, stop) = (GrpcOptions { drain: Duration::from_millis(100), ..options.clone() }, stop.clone());
        async move { grpc::serve(listeners, &options, gate, Routes::default(), health, stop).await }
    });
    let opened = loop {
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            () = shutdown.drain().cancelled() => break None,
        }
        match attempt(url, backups, now).await {
            Ok(None) => {}
            Ok(opened) => break opened,
            // A database server that restarts is no reason to go: it is what a second server stands by for.
            Err(error) if error.is_transient() => tracing::warn!(%error, "the database cannot be used yet"),
            Err(error) => return Err(error.into()),
        }
    };
    stop.cancel();
    if let Ok(Err(error)) = serving.await {
        tracing::warn!(%error, "the listener of the standby broke");
    }
    if opened.is_some() {
        tracing::info!("the leader is gone; taking over");
    }
    Ok(opened)
}

async fn attempt(url: &DatabaseUrl, backups: &Path, now: Timestamp) -> Result<Option<(Connection, Migrated)>, StoreError> {
    let (url, backups) = (url.clone(), backups.to_owned());
    tokio::task::spawn_blocking(move || open_leading(&url, &backups, now)).await.map_err(|error| StoreError::Database(error.to_string()))?
}

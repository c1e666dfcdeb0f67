//! AdminService.CreateBackup: a copy of the database while everything goes on.
//!
//! The copies of every day are made by `app::copies`; putting one back is `app::restoring`.

use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use tonic::Request;

use super::convert;
use super::service::Api;
use super::status::{ApiError, Reply};
use crate::commands::{CommandError, Context};
use crate::lifecycle::Tx;
use crate::store::{DatabaseUrl, copy};

impl Api {
    /// Writes a copy (retention R10). A repeated call gets the answer that was given; one that a crash parted from its answer makes another copy.
    pub(super) async fn back_up(&self, request: Request<pb::CreateBackupRequest>) -> Reply<pb::Backup> {
        let call = self.admit(request)?;
        if let Some(kept) = self.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let made = self.copied(call.context.now).await?;
        let record = move |_: &mut Tx<'_>, _: &Context| Ok(made.clone().into());
        self.mutate(&call.context, &call.body, record).await
    }

    async fn copied(&self, now: Timestamp) -> Result<pb::Backup, ApiError> {
        let (url, folder) = (self.parts.facts.database_url.clone(), self.parts.facts.home.join("backups"));
        if matches!(url, DatabaseUrl::Postgres(_)) {
            let sentence = "the database is a PostgreSQL server; copy it with pg_dump, and put a copy back with pg_restore";
            return Err(ApiError::from(CommandError::precondition("NOT_EMBEDDED", sentence)));
        }
        // Named by more than the instant: two people may ask at once.
        let label = format!("by-hand-{}-{:04x}", now.as_millis(), rand::random::<u16>());
        let failed = |error: String| CommandError::Unavailable(format!("the database cannot be copied: {error}"));
        let write = move || {
            let made = copy(&url, &folder, &label).map_err(|error| error.to_string())?;
            let path = made.ok_or_else(|| "it is not embedded".to_owned())?;
            let size_bytes = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
            Ok::<_, String>(pb::Backup { path: path.to_string_lossy().into_owned(), size_bytes, created_at: Some(convert::timestamp(now)) })
        };
        let made = tokio::task::spawn_blocking(write).await.map_err(|error| failed(error.to_string()))?;
        Ok(made.map_err(failed)?)
    }
}

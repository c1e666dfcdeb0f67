//! A principal's turn at the store: rows, the figures that fit them, and what it changes.
//!
//! How turns are taken lives in the store (R9, R33).

use std::sync::Arc;

use super::service::{Api, Parts};
use super::status::ApiError;
use crate::commands::Context;
use crate::lifecycle::{Figures, Tx};
use crate::store::{Connection, Reader};

/// What a look sees: rows and figures of the same moment.
pub(super) struct Seen<'a> {
    /// A reader's connection.
    pub(super) db: &'a mut Connection,
    /// The figures.
    pub(super) figures: &'a Figures,
}

/// What one principal reads and writes with. What it asks for waits for what it asked for before, and for what others ask for in turns only.
pub(super) struct Turn {
    parts: Arc<Parts>,
    key: String,
}

impl Api {
    /// The turn of whoever asks.
    pub(super) fn turn(&self, context: &Context) -> Turn {
        Turn { parts: Arc::clone(&self.parts), key: context.principal.key_id.clone() }
    }
}

impl Turn {
    /// The readers, for what goes on reading.
    pub(super) fn reader(&self) -> Reader {
        self.parts.reader.asked_by(&self.key)
    }

    /// Reads rows; what was committed before the call is seen.
    pub(super) async fn read<T: Send + 'static>(
        self,
        query: impl FnOnce(&mut Connection) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.reader().read(query).await
    }

    /// Reads the figures and rows that fit them, as the last commit left both. No lock of the database is needed, but nothing is written meanwhile:
    /// keep it short.
    pub(super) async fn look<T: Send + 'static>(
        self,
        look: impl FnOnce(Seen<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let engine = self.parts.engine.clone();
        self.reader().read(move |db| engine.see(|figures| look(Seen { db, figures }))).await
    }

    /// Writes, and answers when it is durable.
    pub(super) async fn write<T: Send + 'static>(
        self,
        write: impl FnMut(&mut Tx<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.parts.engine.asked_by(&self.key).submit(write).await
    }
}

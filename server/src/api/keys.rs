//! The ring that checks API keys for every call, and remembers when each was last used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::principal::Principal;
use aq_core::time::Timestamp;

use crate::clock::SharedClock;
use crate::store::api_keys::{self, ApiKey};
use crate::store::{Reader, StoreError};

/// Keys remembered by the ring.
const REMEMBERED: usize = 1_024;
/// How long the ring trusts what it remembers, in milliseconds; also how long a revoked key may still work.
const TRUSTED_MS: i64 = 5_000;

/// Checks keys: from memory where it looked lately, else from the store. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    reader: Reader,
    clock: SharedClock,
    known: Arc<Mutex<BTreeMap<String, (Timestamp, ApiKey)>>>,
    /// When keys were used since [`KeyRing::take_used`].
    used: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

impl KeyRing {
    /// A ring over the store.
    #[must_use]
    pub fn new(reader: Reader, clock: SharedClock) -> Self {
        // Whoever is asked for a key is not known yet, and must not wait for those who are.
        let reader = reader.asked_by("authentication");
        Self { reader, clock, known: Arc::default(), used: Arc::default() }
    }

    /// Who has this key; `None` when it is unknown, wrong, expired or revoked. Only real keys are remembered, so that guessing fills
    /// no memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, StoreError> {
        let now = self.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(kid).cloned();
        let fresh = known.filter(|(at, _)| (0..TRUSTED_MS).contains(&now.millis_since(*at)));
        let read = fresh.is_none();
        let key = match fresh {
            Some((_, key)) => Some(key),
            None => {
                let wanted = kid.to_owned();
                self.reader.read(move |db| api_keys::get(db, &wanted)).await?
            }
        };
        let Some(key) = key.filter(|key| key.admits(secret, now)) else { return Ok(None) };
        let principal = key.principal();
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(kid.to_owned(), now);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(kid) {
            known.clear();
        }
        if read {
            known.insert(kid.to_owned(), (now, key));
        }
        Ok(Some(principal))
    }

    /// When each key was last used since the last call; to be written once a minute, so that calls themselves write nothing.
    #[must_use]
    pub fn take_used(&self) -> Vec<(String, Timestamp)> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// Forgets a key, so that its revocation holds at once.
    pub fn forget(&self, kid: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(kid);
    }
}

//! The ring that checks API keys for every call, and remembers when each was last used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aq_core::principal::Principal;
use aq_core::time::Timestamp;
use tokio::sync::watch;

use crate::clock::SharedClock;
use crate::store::api_keys::{self, ApiKey};
use crate::store::{Reader, StoreError};

/// Keys remembered by the ring.
const REMEMBERED: usize = 1_024;
/// How long the ring trusts what it remembers, in milliseconds; also how long a key may still work that was taken back without its being told.
const TRUSTED_MS: i64 = 5_000;

/// Checks keys: from memory where it looked lately, else from the store. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    /// Asks for keys that the ring does not know.
    newcomers: Reader,
    /// Asks again for keys that it knew, so that a flood of invented ones keeps nobody waiting who has one.
    regulars: Reader,
    clock: SharedClock,
    known: Arc<Mutex<BTreeMap<String, (Timestamp, ApiKey)>>>,
    /// How often a key was forgotten; changes under the lock of `known`. What was read before the last time may be older than that, and is not remembered.
    taken_back: Arc<watch::Sender<u64>>,
    /// When keys were used since [`KeyRing::take_used`].
    used: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

impl KeyRing {
    /// A ring over the store.
    #[must_use]
    pub fn new(reader: Reader, clock: SharedClock) -> Self {
        // Whoever is asked for a key is not known yet, and must not wait for those who are.
        let (newcomers, regulars) = (reader.asked_by("authentication of newcomers"), reader.asked_by("authentication of regulars"));
        Self { newcomers, regulars, clock, known: Arc::default(), taken_back: Arc::default(), used: Arc::default() }
    }

    /// Who has this key; `None` when it is unknown, wrong, expired or revoked. Only real keys are remembered, so that guessing fills
    /// no memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, StoreError> {
        let now = self.clock.now();
        let (known, taken_back) = {
            let known = self.known();
            (known.get(kid).cloned(), *self.taken_back.borrow())
        };
        let reader = if known.is_some() { &self.regulars } else { &self.newcomers };
        let key = match known.filter(|(at, _)| (0..TRUSTED_MS).contains(&now.millis_since(*at))) {
            Some((_, key)) => Some(key),
            None => {
                let wanted = kid.to_owned();
                let found = reader.read(move |db| api_keys::get(db, &wanted)).await?;
                self.remember(kid, now, found.as_ref(), taken_back);
                found
            }
        };
        let Some(key) = key.filter(|key| key.admits(secret, now)) else { return Ok(None) };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(kid.to_owned(), now);
        Ok(Some(key.principal()))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, (Timestamp, ApiKey)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what the store has, also when the secret was wrong: so a flood with the name of a key reads it no more often than its owner does.
    fn remember(&self, kid: &str, now: Timestamp, found: Option<&ApiKey>, taken_back: u64) {
        let mut known = self.known();
        let Some(key) = found else {
            known.remove(kid);
            return;
        };
        if *self.taken_back.borrow() != taken_back {
            return;
        }
        if known.len() >= REMEMBERED && !known.contains_key(kid) {
            known.clear();
        }
        known.insert(kid.to_owned(), (now, key.clone()));
    }

    /// When each key was last used since the last call; to be written once a minute, so that calls themselves write nothing.
    #[must_use]
    pub fn take_used(&self) -> Vec<(String, Timestamp)> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// Forgets a key that was taken back: no look for it that begins from now on finds it good. One that is under way may be answered by what was
    /// read before, and is not remembered.
    pub fn forget(&self, kid: &str) {
        let mut known = self.known();
        known.remove(kid);
        self.taken_back.send_modify(|count| *count += 1);
    }

    /// How often a key was forgotten, to be waited on.
    #[must_use]
    pub fn taken_back(&self) -> watch::Receiver<u64> {
        self.taken_back.subscribe()
    }
}

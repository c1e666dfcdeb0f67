//! The ring that checks API keys for every call, and remembers when each was last used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aq_core::principal::Principal;
use aq_core::time::Timestamp;

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
    known: Arc<Mutex<Known>>,
    /// When keys were used since [`KeyRing::take_used`].
    used: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

/// What the ring remembers.
#[derive(Default)]
struct Known {
    /// Each key as the store had it, and when that was read.
    keys: BTreeMap<String, (Timestamp, ApiKey)>,
    /// How often a key was forgotten: what was read before the last time may be older than that, and is not remembered.
    forgotten: u64,
}

impl KeyRing {
    /// A ring over the store.
    #[must_use]
    pub fn new(reader: Reader, clock: SharedClock) -> Self {
        // Whoever is asked for a key is not known yet, and must not wait for those who are.
        let (newcomers, regulars) = (reader.asked_by("authentication of newcomers"), reader.asked_by("authentication of regulars"));
        Self { newcomers, regulars, clock, known: Arc::default(), used: Arc::default() }
    }

    /// Who has this key; `None` when it is unknown, wrong, expired or revoked. Only real keys are remembered, so that guessing fills
    /// no memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, StoreError> {
        let now = self.clock.now();
        let (known, forgotten) = {
            let known = self.known();
            (known.keys.get(kid).cloned(), known.forgotten)
        };
        let reader = if known.is_some() { &self.regulars } else { &self.newcomers };
        let key = match known.filter(|(at, _)| (0..TRUSTED_MS).contains(&now.millis_since(*at))) {
            Some((_, key)) => Some(key),
            None => {
                let wanted = kid.to_owned();
                let found = reader.read(move |db| api_keys::get(db, &wanted)).await?;
                self.remember(kid, now, found.as_ref(), forgotten);
                found
            }
        };
        let Some(key) = key.filter(|key| key.admits(secret, now)) else { return Ok(None) };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(kid.to_owned(), now);
        Ok(Some(key.principal()))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what the store has, also when the secret was wrong: so a flood with the name of a key reads it no more often than its owner does.
    fn remember(&self, kid: &str, now: Timestamp, found: Option<&ApiKey>, forgotten: u64) {
        let mut known = self.known();
        let Some(key) = found else {
            known.keys.remove(kid);
            return;
        };
        if known.forgotten != forgotten {
            return;
        }
        if known.keys.len() >= REMEMBERED && !known.keys.contains_key(kid) {
            known.keys.clear();
        }
        known.keys.insert(kid.to_owned(), (now, key.clone()));
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
        known.keys.remove(kid);
        known.forgotten += 1;
    }
}

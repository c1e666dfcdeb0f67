//! API keys: how one is made, and the ring that checks them for every call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::principal::{Principal, ProjectScope, Role};
use aq_core::time::Timestamp;
use rand::Rng as _;
use rand::distr::Alphanumeric;

use crate::clock::SharedClock;
use crate::store::api_keys::{self, ApiKey, SecretHash};
use crate::store::{Reader, StoreError};

/// Characters of the public part of a key.
const KID_CHARS: usize = 10;
/// Characters of the secret part.
const SECRET_CHARS: usize = 43;
/// Keys remembered by the ring.
const REMEMBERED: usize = 1_024;
/// How long the ring trusts what it remembers, in milliseconds; also how long a revoked key may still work.
const TRUSTED_MS: i64 = 5_000;

/// A key that was just made: its record, and the whole key, which nobody can show again.
#[derive(Clone)]
pub struct NewKey {
    /// What is stored.
    pub record: ApiKey,
    /// The whole key: `aq_<kid>_<secret>`.
    pub key: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("record", &self.record).finish_non_exhaustive()
    }
}

/// Makes a key with 256 random bits. `description` is what people call it.
#[must_use]
pub fn new_key(role: Role, projects: ProjectScope, description: &str, now: Timestamp, expires_at: Option<Timestamp>) -> NewKey {
    // 43 characters of 62 are 256 bits.
    let mut random = rand::rng().sample_iter(Alphanumeric).map(char::from);
    let kid = random.by_ref().take(KID_CHARS).collect::<String>().to_ascii_lowercase();
    let secret: String = random.take(SECRET_CHARS).collect();
    let record = ApiKey {
        kid: kid.clone(),
        hash: SecretHash::of(&secret),
        name: description.to_owned(),
        role,
        projects,
        run: None,
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    NewKey { record, key: format!("aq_{kid}_{secret}") }
}

/// Checks keys: from memory where it looked lately, else from the store. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    reader: Reader,
    clock: SharedClock,
    known: Arc<Mutex<BTreeMap<String, (Timestamp, ApiKey)>>>,
}

impl KeyRing {
    /// A ring over the store.
    #[must_use]
    pub fn new(reader: Reader, clock: SharedClock) -> Self {
        Self { reader, clock, known: Arc::default() }
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
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(kid) {
            known.clear();
        }
        if read {
            known.insert(kid.to_owned(), (now, key));
        }
        Ok(Some(principal))
    }

    /// Forgets a key, so that its revocation holds at once.
    pub fn forget(&self, kid: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(kid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Api R9, I-44: a key has the form that clients read, and printing it does not show its secret.
    #[test]
    fn new_keys_are_read_by_clients_and_stay_secret() {
        let made = new_key(Role::Admin, ProjectScope::All, "first", Timestamp::from_millis(1), None);
        let parsed: aq_proto::client::ApiKey = made.key.parse().unwrap();
        assert_eq!(parsed.kid(), made.record.kid);
        assert!(made.record.admits(parsed.secret(), Timestamp::from_millis(2)));
        assert!(!made.record.admits("wrong", Timestamp::from_millis(2)));
        assert!(!format!("{made:?}").contains(parsed.secret()));
    }
}

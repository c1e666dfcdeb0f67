//! Making API keys: 256 random bits, shown once. What is stored of them is in `api_keys`; what a role may do lives in `api`.

use aq_core::principal::{ProjectScope, Role};
use aq_core::time::Timestamp;
use rand::Rng as _;
use rand::distr::Alphanumeric;

use super::api_keys::{ApiKey, SecretHash};

/// Characters of the public part of a key.
const KID_CHARS: usize = 10;
/// Characters of the secret part.
const SECRET_CHARS: usize = 43;

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
        last_used_at: None,
    };
    NewKey { record, key: format!("aq_{kid}_{secret}") }
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

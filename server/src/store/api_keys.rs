//! API keys: what is stored of them never lets anybody make one.
//!
//! Making a key lives in `secrets`, deciding what its role may do in `api`.

use std::collections::BTreeSet;

use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::principal::{Principal, ProjectScope, Role};
use aq_core::time::Timestamp;
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::kept::changed;
use super::schema::api_keys;

/// SHA-256 of a key's secret. Secrets are random and long, so a plain hash is as hard to turn back as a slow one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of `secret`.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    fn to_hex(self) -> String {
        self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
    }

    fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0_u8; 32];
        for (index, digit) in text.chars().enumerate() {
            let value = u8::try_from(digit.to_digit(16)?).ok()?;
            let byte = bytes.get_mut(index / 2)?;
            *byte = (*byte << 4) | value;
        }
        Some(Self(bytes))
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// A stored API key.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// The public part, by which it is found and named.
    pub kid: String,
    /// The hash of the secret part.
    pub hash: SecretHash,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// What it may see.
    pub projects: ProjectScope,
    /// The run it was made for; set exactly for [`Role::Run`].
    pub run: Option<RunRef>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first instant at which it no longer works; `None`: it does not expire.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute; `None`: never.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// True when `secret` is the key's secret and the key works at `now`. Takes the same time for every wrong secret.
    #[must_use]
    pub fn admits(&self, secret: &str, now: Timestamp) -> bool {
        let same: bool = self.hash.0.ct_eq(&SecretHash::of(secret).0).into();
        same && self.is_valid(now)
    }

    /// True when it was neither taken back nor has expired at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Who asks with this key, acting for nobody else.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            key_id: self.kid.clone(),
            key_name: self.name.clone(),
            role: self.role,
            projects: self.projects.clone(),
            on_behalf_of: None,
            run: self.run.clone(),
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
struct Row {
    kid: String,
    hash: String,
    name: String,
    role: String,
    projects: String,
    task_id: Option<String>,
    run_number: Option<i32>,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl From<&ApiKey> for Row {
    fn from(key: &ApiKey) -> Self {
        let projects = match &key.projects {
            ProjectScope::All => None,
            ProjectScope::Only(projects) => Some(projects.iter().map(ProjectId::as_str).collect::<Vec<_>>()),
        };
        Self {
            kid: key.kid.clone(),
            hash: key.hash.to_hex(),
            name: key.name.clone(),
            role: key.role.as_str().to_owned(),
            projects: columns::to_json(&projects),
            task_id: key.run.as_ref().map(|run| run.task.as_str().to_owned()),
            run_number: key.run.as_ref().map(|run| columns::int(run.number)),
            created_at: key.created_at.as_millis(),
            expires_at: key.expires_at.map(Timestamp::as_millis),
            revoked_at: key.revoked_at.map(Timestamp::as_millis),
            last_used_at: key.last_used_at.map(Timestamp::as_millis),
        }
    }
}

impl TryFrom<Row> for ApiKey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let projects: Option<Vec<String>> = columns::json("api_keys.projects", &row.projects)?;
        let run = match (row.task_id, row.run_number) {
            (Some(task), Some(number)) => {
                Some(RunRef { task: TaskId::from_trusted(&task), number: columns::small("api_keys.run_number", number)? })
            }
            _ => None,
        };
        Ok(Self {
            kid: row.kid,
            // The found text stays out of the error: it is the one column that nobody should read.
            hash: columns::read("api_keys.hash", "(not a hash)", |_| SecretHash::from_hex(&row.hash))?,
            name: row.name,
            role: columns::read("api_keys.role", &row.role, Role::parse)?,
            projects: projects.map_or(ProjectScope::All, |projects| {
                ProjectScope::Only(projects.iter().map(|project| ProjectId::from_trusted(project)).collect::<BTreeSet<_>>())
            }),
            run,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: columns::instant(row.expires_at),
            revoked_at: columns::instant(row.revoked_at),
            last_used_at: columns::instant(row.last_used_at),
        })
    }
}

queries! {
    /// Adds a key. [`StoreError::Conflict`] when its kid was used before.
    pub fn insert(connection, key: &ApiKey) -> Result<(), StoreError> {
        diesel::insert_into(api_keys::table).values(Row::from(key)).execute(connection)?;
        Ok(())
    }

    /// The key of this kid, whether it still works or not; `None` when there is none.
    pub fn get(connection, kid: &str) -> Result<Option<ApiKey>, StoreError> {
        let row: Option<Row> = api_keys::table.find(kid).select(Row::as_select()).get_result(connection).optional()?;
        row.map(ApiKey::try_from).transpose()
    }

    /// The keys of people and programs, oldest first; keys of runs are left out, for there is one per run.
    pub fn all(connection) -> Result<Vec<ApiKey>, StoreError> {
        let rows: Vec<Row> = api_keys::table
            .filter(api_keys::task_id.is_null())
            .order((api_keys::created_at, api_keys::kid))
            .select(Row::as_select())
            .load(connection)?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// Notes when a key was last used. An instant before the one that is stored changes nothing.
    pub fn note_used(connection, kid: &str, at: Timestamp) -> Result<(), StoreError> {
        let older = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(at.as_millis()));
        diesel::update(api_keys::table.filter(api_keys::kid.eq(kid).and(older)))
            .set(api_keys::last_used_at.eq(at.as_millis()))
            .execute(connection)?;
        Ok(())
    }

    /// Takes a key back; false when it was taken back before. [`StoreError::NotFound`] when there is none.
    pub fn revoke(connection, kid: &str, now: Timestamp) -> Result<bool, StoreError> {
        let changed = diesel::update(api_keys::table.filter(api_keys::kid.eq(kid).and(api_keys::revoked_at.is_null())))
            .set(api_keys::revoked_at.eq(now.as_millis()))
            .execute(connection)?;
        if changed == 0 {
            let _known: String = api_keys::table.find(kid).select(api_keys::kid).get_result(connection)?;
        }
        Ok(changed == 1)
    }

    /// Takes back every key of a run that is over. Returns how many there were.
    pub fn revoke_of_run(connection, run: &RunRef, now: Timestamp) -> Result<usize, StoreError> {
        let keys = api_keys::task_id
            .eq(run.task.as_str())
            .and(api_keys::run_number.eq(columns::int(run.number)))
            .and(api_keys::revoked_at.is_null());
        Ok(changed!(api_keys, keys, api_keys::revoked_at.eq(now.as_millis())).execute(connection)?)
    }

    /// Removes keys of runs that were taken back or expired before `before`. Returns how many. Keys of people stay, for the audit.
    pub fn remove_of_runs_before(connection, before: Timestamp) -> Result<usize, StoreError> {
        let over = api_keys::revoked_at.lt(before.as_millis()).or(api_keys::expires_at.lt(before.as_millis()));
        Ok(diesel::delete(api_keys::table.filter(api_keys::task_id.is_not_null()).filter(over)).execute(connection)?)
    }
}

//! API keys: making and taking back. The secret itself never comes here; only its hash does.

use aq_core::event::EventKind;
use aq_core::ids::ProjectId;
use aq_core::principal::ProjectScope;
use serde_json::json;

use super::context::Context;
use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::StoreError;
use crate::store::api_keys::{self, ApiKey};

/// Stores a new key.
///
/// # Errors
/// [`CommandError::NotFound`] for a project that does not exist.
pub fn create(tx: &mut Tx<'_>, context: &Context, key: &ApiKey) -> Result<(), CommandError> {
    if let ProjectScope::Only(projects) = &key.projects {
        let unknown = |id: &&ProjectId| !tx.state.projects.contains_key(*id);
        if let Some(id) = projects.iter().find(unknown) {
            return Err(CommandError::NotFound { kind: "project", id: id.to_string() });
        }
    }
    match api_keys::insert(tx.db, key) {
        Err(StoreError::Conflict(_)) => return Err(CommandError::Exists { kind: "key", id: key.kid.clone() }),
        other => other?,
    }
    let payload = json!({ "key_id": key.kid, "role": key.role.as_str(), "name": key.name, "actor": context.actor() });
    announce(tx, EventKind::KeyCreated, context.now, Subject::default(), payload)?;
    Ok(())
}

/// Takes a key back. Saying it twice changes nothing.
///
/// # Errors
/// [`CommandError::NotFound`]; [`CommandError::Precondition`] for the key that asks, which would lock its owner out.
pub fn revoke(tx: &mut Tx<'_>, context: &Context, kid: &str) -> Result<ApiKey, CommandError> {
    let unknown = || CommandError::NotFound { kind: "key", id: kid.to_owned() };
    if context.principal.key_id == kid {
        return Err(CommandError::precondition("OWN_KEY", "a key cannot revoke itself; use another administrator's key"));
    }
    let known = api_keys::get(tx.db, kid)?.ok_or_else(unknown)?;
    if api_keys::revoke(tx.db, kid, context.now)? {
        let payload = json!({ "key_id": kid, "role": known.role.as_str(), "name": known.name, "actor": context.actor() });
        announce(tx, EventKind::KeyRevoked, context.now, Subject::default(), payload)?;
    }
    api_keys::get(tx.db, kid)?.ok_or_else(unknown)
}

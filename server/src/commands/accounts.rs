//! Accounts: create, edit, delete. What is known of their usage windows comes from the runs.

use aq_core::account::{Account, KeySource};
use aq_core::event::EventKind;
use aq_core::ids::AccountId;
use aq_core::limits::DayHours;
use aq_core::names::id_slug;
use jiff::tz::TimeZone;
use serde_json::json;

use super::context::Context;
use super::error::CommandError;
use crate::lifecycle::{Subject, Tx, announce};
use crate::store::{StoreError, accounts};

/// What to set on an account; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountFields {
    /// The name.
    pub name: Option<String>,
    /// Folder of the agent CLI's own configuration and login, absolute; empty: none.
    pub login_dir: Option<String>,
    /// Part of every window that is left for the person, 0.0 to 1.0.
    pub reserve: Option<f64>,
    /// Used part from which nothing starts, 0.0 to 1.0; `Some(None)`: up to the provider's limit.
    pub stop_at: Option<Option<f64>>,
    /// When the reserve is kept.
    pub reserve_hours: Option<Vec<DayHours>>,
    /// When nothing starts.
    pub quiet: Option<Vec<DayHours>>,
    /// The zone of the hours.
    pub zone: Option<TimeZone>,
    /// True: nothing starts.
    pub paused: Option<bool>,
    /// Most runs at the same time; 0: no limit of its own.
    pub max_concurrent_runs: Option<u32>,
    /// Environment variable that carries the provider key; empty: the runtime's own.
    pub key_variable: Option<String>,
    /// Where the provider key is found; `Some(None)`: nowhere.
    pub key_source: Option<Option<KeySource>>,
}

fn lay(fields: &AccountFields, account: &mut Account) -> Result<Vec<&'static str>, CommandError> {
    let mut changed = Vec::new();
    macro_rules! set {
        ($($field:ident),*) => {$(
            if let Some(value) = &fields.$field {
                changed.push(stringify!($field));
                account.$field.clone_from(value);
            }
        )*};
    }
    set!(name, login_dir, reserve, paused, max_concurrent_runs, key_variable, key_source);
    macro_rules! wish {
        ($($field:ident),*) => {$(
            if let Some(value) = &fields.$field {
                changed.push(stringify!($field));
                account.policy.$field.clone_from(value);
            }
        )*};
    }
    wish!(stop_at, reserve_hours, quiet, zone);
    if account.name.trim().is_empty() || account.name.chars().count() > 60 || account.name.chars().any(char::is_control) {
        return Err(CommandError::invalid("name", "must be one line of 1 to 60 characters"));
    }
    if !account.login_dir.is_empty() && (!account.login_dir.starts_with('/') || account.login_dir.contains('\0')) {
        return Err(CommandError::invalid("login_dir", "must be an absolute path"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let variable = &account.key_variable;
    if variable.len() > 128
        || !variable.chars().all(plain)
        || variable.starts_with(|c: char| c.is_ascii_digit())
        || variable.starts_with("AQ_")
    {
        return Err(CommandError::invalid("key_variable", "must be the name of an environment variable that does not begin with AQ_"));
    }
    if account.max_concurrent_runs > 1_000 {
        return Err(CommandError::invalid("max_concurrent_runs", "must be at most 1000; 0 is no limit"));
    }
    Ok(changed)
}

fn find(tx: &Tx<'_>, id: &AccountId) -> Result<Account, CommandError> {
    tx.state.accounts.get(id).cloned().ok_or_else(|| CommandError::NotFound { kind: "account", id: id.to_string() })
}

/// Creates an account. Its id is the slug of its name and is never used again.
///
/// # Errors
/// [`CommandError::Exists`] for a name whose slug is taken.
pub fn create(tx: &mut Tx<'_>, context: &Context, fields: &AccountFields) -> Result<Account, CommandError> {
    let name = fields.name.clone().unwrap_or_default();
    let slug = id_slug(&name).ok_or_else(|| CommandError::invalid("name", "holds no letter or digit; give the account a name"))?;
    let id = AccountId::parse(&slug).map_err(|error| CommandError::id("name", &error))?;
    let mut new = Account::new(id.clone(), name, context.now);
    lay(fields, &mut new)?;
    match accounts::insert(tx.db, &new) {
        Err(StoreError::Conflict(_)) => return Err(CommandError::Exists { kind: "account", id: id.to_string() }),
        other => other?,
    }
    tx.state.put_account(id.clone(), Some(new.clone()));
    let payload = json!({ "account_id": id.as_str(), "name": new.name, "actor": context.actor() });
    announce(tx, EventKind::AccountCreated, context.now, Subject::default(), payload)?;
    Ok(new)
}

/// Changes fields of an account, all of them or none. Runs that go on keep what they were started with.
///
/// # Errors
/// [`CommandError::Invalid`], [`CommandError::NotFound`].
pub fn edit(tx: &mut Tx<'_>, context: &Context, id: &AccountId, fields: &AccountFields) -> Result<Account, CommandError> {
    let mut changed = find(tx, id)?;
    let names = lay(fields, &mut changed)?;
    if names.is_empty() {
        return Err(CommandError::invalid("update_mask", "names no field that can be changed"));
    }
    changed.updated_at = context.now;
    accounts::update(tx.db, &changed)?;
    tx.state.put_account(id.clone(), Some(changed.clone()));
    let payload = json!({ "account_id": id.as_str(), "name": changed.name, "fields": names, "actor": context.actor() });
    announce(tx, EventKind::AccountUpdated, context.now, Subject::default(), payload)?;
    Ok(changed)
}

/// Deletes an account that no agent draws from. What was spent on it stays counted.
///
/// # Errors
/// [`CommandError::Precondition`] while an agent draws from it.
pub fn delete(tx: &mut Tx<'_>, context: &Context, id: &AccountId) -> Result<Account, CommandError> {
    let gone = find(tx, id)?;
    if let Some(agent) = tx.state.agents.values().find(|agent| agent.account.as_ref() == Some(id)) {
        let message = format!("agent `{}` draws from account `{id}`; give it another account first", agent.id);
        return Err(CommandError::precondition("ACCOUNT_IN_USE", message));
    }
    accounts::delete(tx.db, id, context.now)?;
    tx.state.put_account(id.clone(), None);
    let payload = json!({ "account_id": id.as_str(), "name": gone.name, "actor": context.actor() });
    announce(tx, EventKind::AccountDeleted, context.now, Subject::default(), payload)?;
    Ok(gone)
}

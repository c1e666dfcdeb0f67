//! What a start puts into an empty home: the administrator's key, and the accounts and agents that the configuration names.

use aq_core::account::Account;
use aq_core::audit::Entry;
use aq_core::limits::{AccountPolicy, read_zone};
use aq_core::principal::Principal;
use aq_core::profile::RuntimeProfile;

use crate::commands::{self, CommandError, Context};
use crate::config::{ServerConfig, sections};
use crate::lifecycle::Tx;
use crate::store::{ApiKey, accounts};

/// Adds the configured accounts and agents that are missing. What exists is left as it is: people may have edited it since.
///
/// # Errors
/// When a row cannot be written.
pub(super) fn configured(tx: &mut Tx<'_>, config: &ServerConfig, context: &Context) -> Result<(), CommandError> {
    for wanted in &config.accounts {
        if tx.state.accounts.contains_key(&wanted.id) {
            continue;
        }
        let mut account = Account::new(wanted.id.clone(), wanted.id.as_str(), context.now);
        if let Some(sections::Login::ConfigDir(path)) = &wanted.login {
            account.login_dir = path.to_string_lossy().into_owned();
        }
        account.reserve = wanted.reserve.unwrap_or(0.0);
        account.policy = AccountPolicy {
            stop_at: wanted.stop_at_used,
            reserve_hours: wanted.reserve_hours.clone(),
            quiet: wanted.quiet_hours.clone(),
            zone: read_zone(&wanted.time_zone).unwrap_or(jiff::tz::TimeZone::UTC),
        };
        accounts::insert(tx.db, &account)?;
        tx.state.put_account(account.id.clone(), Some(account));
    }
    for wanted in &config.agents.predefined {
        if tx.state.agents.contains_key(&wanted.id) {
            continue;
        }
        let named = wanted.profile.as_ref().and_then(|name| config.runtimes.command_profiles.get(name));
        let mut profile = RuntimeProfile { model: wanted.model.clone().unwrap_or_default(), ..RuntimeProfile::default() };
        if let Some(named) = named {
            profile.command.clone_from(&named.argv);
            profile.env = named.env.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        }
        let fields = commands::agents::AgentFields {
            name: Some(wanted.id.as_str().to_owned()),
            runtime: Some(wanted.runtime),
            profile: Some(profile),
            account: Some(wanted.account.clone()),
        };
        match commands::agents::create(tx, context, &fields) {
            // A deleted agent keeps its id, and stays deleted although the configuration still names it.
            Err(CommandError::Exists { .. }) => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// The record of the administrator's first key.
#[must_use]
pub(super) fn first_key(context: &Context, key: &ApiKey) -> Entry {
    Entry {
        at: context.now,
        actor: (&context.principal).into(),
        method: "server:first_key".to_owned(),
        resources: vec![format!("key:{}", key.kid)],
        choices: vec![format!("role={}", key.role.as_str())],
        origin: context.trail.origin.clone(),
        code: "OK".to_owned(),
        ..Entry::default()
    }
}

/// The circumstances of what the server does by itself.
#[must_use]
pub(super) fn own(now: aq_core::time::Timestamp) -> Context {
    Context::new(Principal::server(), now)
}

//! The lists of people: `access`, and the older keys that stand for its administrators.

use std::collections::BTreeSet;

use serde_yaml::{Mapping, Value};

use crate::trust::{Access, List, Role};

/// A Discord id; YAML writers quote it or do not.
pub(super) fn snowflake(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|&id| id > 0)
}

fn snowflakes(name: &str, given: Option<&Value>, problems: &mut Vec<String>) -> BTreeSet<u64> {
    let items = match given {
        None | Some(Value::Null) => return BTreeSet::new(),
        Some(Value::Sequence(items)) => items,
        Some(_) => {
            problems.push(format!("discord.{name}: must be a list of ids"));
            return BTreeSet::new();
        }
    };
    let mut ids = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        match snowflake(item) {
            Some(id) => drop(ids.insert(id)),
            None => problems.push(format!("discord.{name}[{index}]: must be an id, a number")),
        }
    }
    ids
}

/// Who may do what. Nobody at all is a problem.
pub(super) fn read(entries: &Mapping, guild: u64, problems: &mut Vec<String>) -> Access {
    let mut access = Access { guild, ..Access::default() };
    let given = match entries.get("access") {
        None | Some(Value::Null) => None,
        Some(Value::Mapping(given)) => Some(given),
        Some(_) => {
            problems.push("discord.access: must be a mapping of admins, operators, viewers".to_owned());
            None
        }
    };
    for (key, _) in given.into_iter().flatten() {
        let key = key.as_str().unwrap_or("(not text)");
        if !["admins", "operators", "viewers", "everyone", "channels"].contains(&key) {
            problems.push(format!(
                "discord.access.{}: is not known; write admins, operators, viewers, everyone or channels",
                key.escape_debug()
            ));
        }
    }
    for (name, list) in [("admins", &mut access.admins), ("operators", &mut access.operators), ("viewers", &mut access.viewers)] {
        if let Some(found) = given.and_then(|given| given.get(name)) {
            *list = List {
                users: snowflakes(&format!("access.{name}.users"), found.get("users"), problems),
                roles: snowflakes(&format!("access.{name}.roles"), found.get("roles"), problems),
            };
        }
    }
    access.channels = snowflakes("access.channels", given.and_then(|given| given.get("channels")), problems);
    // Who is named by the older keys may do everything, as it was.
    access.admins.users.extend(snowflakes("authorized_users", entries.get("authorized_users"), problems));
    access.admins.roles.extend(snowflakes("authorized_roles", entries.get("authorized_roles"), problems));
    let everyone = given.and_then(|given| given.get("everyone"));
    access.everyone = match (everyone.and_then(Value::as_str), entries.get("allow_everyone_in_guild")) {
        (Some("viewer"), _) => Some(Role::Viewer),
        (Some("operator"), _) => Some(Role::Operator),
        (Some(_), _) => {
            problems.push("discord.access.everyone: must be viewer or operator".to_owned());
            None
        }
        (None, Some(Value::Bool(true))) => Some(Role::Operator),
        (None, None | Some(Value::Null | Value::Bool(false))) => None,
        (None, Some(_)) => {
            problems.push("discord.allow_everyone_in_guild: must be true or false".to_owned());
            None
        }
    };
    if access.is_empty() {
        let remedy = "name at least one user or role in `access`, or write `allow_everyone_in_guild: true`";
        problems.push(format!("discord.authorized_users: nobody may speak to the bot; {remedy}"));
    }
    access
}

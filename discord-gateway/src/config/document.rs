//! The one file of the gateway that knows YAML: takes the section `discord` out of the document and fills in `${NAME}`.

use serde_yaml::{Mapping, Value};

use super::Environment;

/// The section, with names filled in; an error for each name that is not set.
pub(super) fn section(text: &str, environment: &Environment) -> Result<Mapping, Vec<String>> {
    let document: Value = serde_yaml::from_str(text).map_err(|error| vec![format!("not valid YAML: {error}")])?;
    let mut section = match document.get("discord") {
        Some(Value::Mapping(section)) => section.clone(),
        None | Some(Value::Null) => Mapping::new(),
        Some(_) => return Err(vec!["discord: must be a mapping".to_owned()]),
    };
    let mut missing = Vec::new();
    for (_, value) in &mut section {
        fill(value, environment, &mut missing);
    }
    if missing.is_empty() { Ok(section) } else { Err(missing) }
}

fn fill(value: &mut Value, environment: &Environment, missing: &mut Vec<String>) {
    match value {
        Value::String(text) => *text = filled(text, environment, missing),
        Value::Sequence(items) => items.iter_mut().for_each(|item| fill(item, environment, missing)),
        Value::Mapping(entries) => entries.iter_mut().for_each(|(_, value)| fill(value, environment, missing)),
        Value::Tagged(tagged) => fill(&mut tagged.value, environment, missing),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(text: &str, environment: &Environment, missing: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                match environment.get(name) {
                    Some(value) => out.push_str(value),
                    None => missing.push(format!("discord: environment variable {name} is not set")),
                }
                rest = tail;
            }
            _ => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// A configuration with the answers of the set-up in it; everything else stays. Ids are written as text, which no reader rounds.
pub(crate) fn merged(old: &str, token: &str, guild: u64, admin: u64, channel: &str) -> Result<String, String> {
    let mut document: Value = serde_yaml::from_str(old).map_err(|error| format!("the file is not valid YAML: {error}"))?;
    if document.is_null() {
        document = Value::Mapping(Mapping::new());
    }
    let section = entry(&mut document, "discord")?;
    put(section, "bot_token", Value::from(token))?;
    put(section, "guild_id", Value::from(guild.to_string()))?;
    put(entry(section, "channels")?, "channel", Value::from(channel))?;
    let users = entry(entry(section, "access")?, "admins")?;
    let known = users.get("users").and_then(Value::as_sequence).cloned().unwrap_or_default();
    let id = Value::from(admin.to_string());
    let mut list = known;
    if !list.contains(&id) && !list.contains(&Value::from(admin)) {
        list.push(id);
    }
    put(users, "users", Value::Sequence(list))?;
    serde_yaml::to_string(&document).map_err(|error| error.to_string())
}

/// A mapping within a mapping; made when it is not there.
fn entry<'a>(within: &'a mut Value, name: &str) -> Result<&'a mut Value, String> {
    let mapping = within.as_mapping_mut().ok_or_else(|| format!("what holds `{name}` is not a mapping"))?;
    let found = mapping.entry(Value::from(name)).or_insert(Value::Null);
    if found.is_null() {
        *found = Value::Mapping(Mapping::new());
    }
    Ok(found)
}

fn put(within: &mut Value, name: &str, value: Value) -> Result<(), String> {
    let mapping = within.as_mapping_mut().ok_or_else(|| format!("what holds `{name}` is not a mapping"))?;
    mapping.insert(Value::from(name), value);
    Ok(())
}

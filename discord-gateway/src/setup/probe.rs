//! Questions to Discord that only look.

use serde_json::Value;

use crate::outbound::{Call, CallError, Method, Outbound};

/// The bot may read messages: the intent is switched on, for a few guilds or for many.
const CONTENT: u64 = 1 << 18 | 1 << 19;

/// The application and whether it may read messages.
pub(super) struct Application {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) reads: bool,
}

async fn get(out: &Outbound, path: &str) -> Result<Value, String> {
    let mut call = Call::new(Method::Get, path, None);
    call.tries = 3;
    out.call(call).await.map_err(|error| match error {
        CallError::Refused { status: 401, .. } => {
            "Discord does not accept the token; make a new one in the developer portal (Bot, Reset Token)".to_owned()
        }
        CallError::Refused { status: 403 | 404, .. } => "it is not there, or the bot may not see it".to_owned(),
        other => other.to_string(),
    })
}

fn id(value: &Value) -> Option<u64> {
    value.get("id").and_then(Value::as_str)?.parse().ok()
}

/// Who the token is.
pub(super) async fn application(out: &Outbound) -> Result<Application, String> {
    let found = get(out, "/applications/@me").await?;
    let flags = found.get("flags").and_then(Value::as_u64).unwrap_or(0);
    let name = found.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Application { id: id(&found).ok_or("Discord told no application")?, name, reads: flags & CONTENT != 0 })
}

/// The guilds that the bot is in: id, name, and its rights there.
pub(super) async fn guilds(out: &Outbound) -> Result<Vec<(u64, String, u64)>, String> {
    let found = get(out, "/users/@me/guilds").await?;
    let one = |guild: &Value| {
        let name = guild.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let rights = guild.get("permissions").and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(0);
        Some((id(guild)?, name, rights))
    };
    Ok(found.as_array().into_iter().flatten().filter_map(one).collect())
}

/// The text channels of a guild: id and name.
pub(super) async fn channels(out: &Outbound, guild: u64) -> Result<Vec<(u64, String)>, String> {
    let found = get(out, &format!("/guilds/{guild}/channels")).await?;
    let text = |channel: &&Value| matches!(channel.get("type").and_then(Value::as_u64), Some(0 | 5));
    let one = |channel: &Value| Some((id(channel)?, channel.get("name").and_then(Value::as_str)?.to_owned()));
    Ok(found.as_array().into_iter().flatten().filter(text).filter_map(one).collect())
}

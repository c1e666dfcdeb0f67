//! The bot's token: its form, where it may be written, and that nobody prints it.

use std::fmt;
use std::path::Path;

use serde_yaml::{Mapping, Value};

/// The bot's token; never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BotToken(String);

impl BotToken {
    /// A text that has the form of a token.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        crate::discord::is_token(text).then(|| Self(text.to_owned()))
    }

    /// The token itself, for the Discord library only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The token that the section names, itself or by a file (gateway R2).
pub(super) fn read(entries: &Mapping, file_text: &dyn Fn(&Path) -> Result<String, String>, problems: &mut Vec<String>) -> BotToken {
    let text = |key: &str| entries.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let found = match (text("bot_token"), text("bot_token_file")) {
        (Some(_), Some(_)) => Err("discord.bot_token: cannot stand beside bot_token_file".to_owned()),
        (Some(token), None) => Ok(token.to_owned()),
        (None, Some(file)) => {
            file_text(Path::new(file)).map(|text| text.trim().to_owned()).map_err(|problem| format!("discord.bot_token_file: {problem}"))
        }
        (None, None) => Err("discord.bot_token: is required; write `${DISCORD_BOT_TOKEN}` or name a file in bot_token_file".to_owned()),
    };
    match found {
        Ok(token) if crate::discord::is_token(&token) => BotToken(token),
        Ok(_) => {
            problems.push("discord.bot_token: does not have the form of a bot token, three parts with dots between them".to_owned());
            BotToken(String::new())
        }
        Err(problem) => {
            problems.push(problem);
            BotToken(String::new())
        }
    }
}

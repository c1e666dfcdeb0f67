//! The keys of the section `discord`, their defaults and rules. Deny by default: without an allow-list there is no start.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value};

use super::document::section;
use super::environment::{Environment, read_small};
use super::rights;
use crate::trust::Access;

/// Everything wrong with the section, told together.
#[derive(Debug)]
pub(crate) struct Problems(pub(crate) Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration of the gateway has {} error{}", self.0.len(), if self.0.len() == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

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

/// The checked section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiscordSection {
    /// The bot's token.
    pub(crate) bot_token: BotToken,
    /// The one guild the bot serves.
    pub(crate) guild_id: u64,
    /// Who may do what.
    pub(crate) access: Access,
    /// The main channel's name.
    pub(crate) channel: String,
    /// In project channels only messages that name the bot are answered.
    pub(crate) require_mention: bool,
    /// How channels of projects are made.
    pub(crate) channels: ProjectChannels,
    /// When phones stay silent, as minutes of the day, and in which time zone.
    pub(crate) quiet: Option<(u16, u16)>,
    /// When the digest of a day is told, in minutes of the day.
    pub(crate) digest: Option<u16>,
    /// The time zone of both.
    pub(crate) zone: String,
    /// Where Discord's interface is.
    pub(crate) api_url: String,
    /// The notes threads of the original, taken over once.
    pub(crate) notes_threads: NotesFile,
}

/// A file that the original may have left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NotesFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The configuration names it, so that it has to be there.
    pub(crate) named: bool,
}

/// The name under which it lies beside the configuration.
const NOTES_FILE: &str = "notes_threads.json";

/// How channels of projects are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectChannels {
    /// A new project gets one.
    pub(crate) auto_create: bool,
    /// The name, with `{project_id}`.
    pub(crate) naming: String,
    /// The category they stand in; empty: none.
    pub(crate) category: String,
    /// Only the bot, and whom the guild's owner lets in, see them.
    pub(crate) private: bool,
}

const KNOWN: [&str; 15] = [
    "bot_token",
    "bot_token_file",
    "guild_id",
    "authorized_users",
    "authorized_roles",
    "allow_everyone_in_guild",
    "access",
    "channels",
    "per_project_channels",
    "require_mention",
    "quiet_hours",
    "digest_at",
    "time_zone",
    "api_url",
    "notes_threads",
];

/// Reads the section `discord` of a file; warnings come with it.
pub(crate) fn load(path: &Path, mut environment: Environment) -> Result<(DiscordSection, Vec<String>), Problems> {
    let text = read_small(path).map_err(|problem| Problems(vec![problem]))?;
    if let Ok(sidecar) = read_small(&path.with_file_name(".env")) {
        environment.add_sidecar(&sidecar);
    }
    let entries = section(&text, &environment).map_err(Problems)?;
    let (mut section, warnings) = check(&entries, &|file| read_small(file))?;
    // A path that is not absolute begins where the configuration is.
    let name = if section.notes_threads.named { section.notes_threads.path.clone() } else { PathBuf::from(NOTES_FILE) };
    section.notes_threads.path = path.parent().unwrap_or(Path::new("")).join(name);
    Ok((section, warnings))
}

fn check(entries: &Mapping, read: &dyn Fn(&Path) -> Result<String, String>) -> Result<(DiscordSection, Vec<String>), Problems> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    for (key, _) in entries {
        let key = key.as_str().unwrap_or("(not text)");
        if !KNOWN.contains(&key) {
            warnings.push(format!("discord.{}: is not a known key and has no effect", key.escape_debug()));
        }
    }
    let bot_token = token(entries, read, &mut problems);
    let guild_id = match entries.get("guild_id").and_then(rights::snowflake) {
        Some(id) => id,
        None => {
            problems.push("discord.guild_id: must be the id of one guild, a number".to_owned());
            0
        }
    };
    let access = rights::read(entries, guild_id, &mut problems);
    let channel = main_channel(entries, &mut problems, &mut warnings);
    let channels = project_channels(entries, &mut problems);
    let flag = |key: &str, problems: &mut Vec<String>| match entries.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => *value,
        Some(_) => {
            problems.push(format!("discord.{key}: must be true or false"));
            false
        }
    };
    let require_mention = flag("require_mention", &mut problems);
    let text = |key: &str| entries.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let minute = |text: &str| {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    let quiet = match text("quiet_hours").as_str() {
        "" => None,
        hours => match hours.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?))) {
            Some(quiet) => Some(quiet),
            None => {
                problems.push("discord.quiet_hours: must be written `HH:MM-HH:MM`".to_owned());
                None
            }
        },
    };
    let digest = match text("digest_at").as_str() {
        "" => None,
        at => match minute(at) {
            Some(digest) => Some(digest),
            None => {
                problems.push("discord.digest_at: must be written `HH:MM`".to_owned());
                None
            }
        },
    };
    let zone = Some(text("time_zone")).filter(|zone| !zone.is_empty()).unwrap_or_else(|| "UTC".to_owned());
    if jiff::tz::TimeZone::get(&zone).is_err() {
        problems.push(format!("discord.time_zone: `{}` is not a time zone, for example `Europe/Vienna`", zone.escape_debug()));
    }
    let api_url = Some(text("api_url")).filter(|url| !url.is_empty()).unwrap_or_else(|| "https://discord.com".to_owned());
    let local = api_url.starts_with("http://127.0.0.1:") || api_url.starts_with("http://localhost:");
    if !local && !api_url.starts_with("https://") {
        problems.push("discord.api_url: must begin with `https://`; the token would be readable on its way".to_owned());
    }
    let notes_threads = match entries.get("notes_threads") {
        None | Some(Value::Null) => NotesFile::default(),
        Some(Value::String(path)) if !path.trim().is_empty() => NotesFile { path: PathBuf::from(path.trim()), named: true },
        Some(_) => {
            problems.push("discord.notes_threads: must be the path of a file".to_owned());
            NotesFile::default()
        }
    };
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let section =
        DiscordSection { bot_token, guild_id, access, channel, require_mention, channels, quiet, digest, zone, api_url, notes_threads };
    Ok((section, warnings))
}

fn token(entries: &Mapping, read: &dyn Fn(&Path) -> Result<String, String>, problems: &mut Vec<String>) -> BotToken {
    let text = |key: &str| entries.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let found = match (text("bot_token"), text("bot_token_file")) {
        (Some(_), Some(_)) => Err("discord.bot_token: cannot stand beside bot_token_file".to_owned()),
        (Some(token), None) => Ok(token.to_owned()),
        (None, Some(file)) => {
            read(Path::new(file)).map(|text| text.trim().to_owned()).map_err(|problem| format!("discord.bot_token_file: {problem}"))
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

/// The main channel's name. The original's older keys `control` and `notifications` are understood (F-038).
fn main_channel(entries: &Mapping, problems: &mut Vec<String>, warnings: &mut Vec<String>) -> String {
    let channels = match entries.get("channels") {
        None | Some(Value::Null) => return "agent-queue".to_owned(),
        Some(Value::Mapping(channels)) => channels,
        Some(_) => {
            problems.push("discord.channels: must be a mapping".to_owned());
            return String::new();
        }
    };
    let text = |key: &str| channels.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(channel) = text("channel") {
        return channel;
    }
    for old in ["control", "notifications"] {
        if let Some(channel) = text(old) {
            warnings.push(format!("discord.channels.{old}: is now called `channel`"));
            return channel;
        }
    }
    "agent-queue".to_owned()
}

fn project_channels(entries: &Mapping, problems: &mut Vec<String>) -> ProjectChannels {
    let given = entries.get("per_project_channels");
    let text = |key: &str| given.and_then(|section| section.get(key)).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let flag = |key: &str, default: bool| given.and_then(|section| section.get(key)).and_then(Value::as_bool).unwrap_or(default);
    let naming = Some(text("naming_convention")).filter(|text| !text.is_empty()).unwrap_or_else(|| "{project_id}".to_owned());
    if !naming.contains("{project_id}") {
        problems.push("discord.per_project_channels.naming_convention: must contain `{project_id}`".to_owned());
    }
    ProjectChannels { auto_create: flag("auto_create", false), naming, category: text("category_name"), private: flag("private", true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "Mjg4NzYwMjQxMzYzODc3ODg4.C_ikow.j3VupLBuE1QWZng3TMGH0z_UAwg";

    fn loaded(text: &str) -> Result<(DiscordSection, Vec<String>), Problems> {
        let entries = section(text, &Environment::from_pairs(&[("BOT", TOKEN)])).map_err(Problems)?;
        check(&entries, &|file| if file == Path::new("/run/secrets/bot") { Ok(format!("{TOKEN}\n")) } else { Err("gone".to_owned()) })
    }

    impl DiscordSection {
        /// One for the tests of other rooms.
        pub(crate) fn sample() -> Self {
            loaded("discord: {bot_token: '${BOT}', guild_id: 42, authorized_users: [7]}").unwrap().0
        }
    }

    /// Gateway R2: a whole section loads; ids may be quoted or not; the token is never printed.
    #[test]
    fn a_whole_section_loads() {
        let text = "discord: {bot_token: '${BOT}', guild_id: 42, authorized_users: ['7', 8], channels: {control: ops}}";
        let (section, warnings) = loaded(text).unwrap();
        assert_eq!((section.guild_id, section.access.admins.users.len(), section.channel.as_str()), (42, 2, "ops"));
        assert_eq!(warnings, ["discord.channels.control: is now called `channel`"]);
        assert!(!format!("{section:?}").contains(TOKEN));
        assert!(loaded("discord: {bot_token_file: /run/secrets/bot, guild_id: '42', authorized_roles: [1]}").is_ok());
    }

    /// Gateway R1: an empty allow-list is a start error, unless everyone is let in by name.
    #[test]
    fn an_empty_allow_list_is_refused() {
        let base = "discord: {bot_token: '${BOT}', guild_id: 42, authorized_users: []";
        let problems = loaded(&format!("{base}}}")).unwrap_err();
        assert!(problems.to_string().contains("nobody may speak to the bot"), "{problems}");
        assert!(loaded(&format!("{base}, allow_everyone_in_guild: true}}")).is_ok());
    }

    /// Gateway R2: all problems are told together, none of them with the token.
    #[test]
    fn all_problems_are_told_together() {
        let text =
            "discord: {bot_token: hush, guild_id: x, authorized_users: [a], channels: 1, per_project_channels: {naming_convention: p}}";
        let problems = loaded(text).unwrap_err();
        assert_eq!(problems.0.len(), 6, "{problems}");
        assert!(!problems.to_string().contains("hush"));
        assert!(loaded("discord: {bot_token: '${GONE}'}").unwrap_err().to_string().contains("GONE is not set"));
        assert_eq!(loaded("").unwrap_err().0.len(), 3);
    }

    /// Gateway R7: what the compose file and the image run is what the parser knows.
    #[test]
    fn the_compose_file_uses_known_flags() {
        let compose = include_str!("../../../docker-compose.yml");
        let document: Value = serde_yaml::from_str(compose).unwrap();
        let command = document["services"]["discord"]["command"].as_sequence().unwrap();
        let words = command.iter().map(|word| word.as_str().unwrap());
        let parsed = <crate::args::Arguments as clap::Parser>::try_parse_from(std::iter::once("aq-discord").chain(words)).unwrap();
        assert!(parsed.endpoint.is_some() && parsed.api_key_file.is_some() && parsed.config.is_some());
        let dockerfile = include_str!("../../Dockerfile");
        assert!(dockerfile.contains("ENTRYPOINT [\"aq-discord\"]"));
    }
}

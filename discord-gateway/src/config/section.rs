//! The keys of the section `discord`, their defaults and rules. Deny by default: without an allow-list there is no start.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value};

use super::document::section;
use super::environment::{Environment, read_small};
use super::rights;
use super::token::{self, BotToken};
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

impl DiscordSection {
    /// True when this is the name of the main channel.
    pub(crate) fn is_main(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.channel.trim_start_matches('#'))
    }
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

/// Keys of `channels`; the older ones beside the newer.
const CHANNELS: [&str; 3] = ["channel", "control", "notifications"];

/// Keys of `per_project_channels`.
const PROJECT_CHANNELS: [&str; 4] = ["auto_create", "naming_convention", "category_name", "private"];

/// What is said of a key that does nothing.
fn ineffective(within: &str, key: &str) -> String {
    let place = if within.is_empty() { String::new() } else { format!("{within}.") };
    let why = match (within, key) {
        ("channels", "agent_questions") => "has no effect: a question is asked in the channel of its project, below the card of its run",
        _ => "is not a known key and has no effect",
    };
    format!("discord.{place}{}: {why}", key.escape_debug())
}

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
    for (within, known) in [("", &KNOWN[..]), ("channels", &CHANNELS), ("per_project_channels", &PROJECT_CHANNELS)] {
        let given = if within.is_empty() { Some(entries) } else { entries.get(within).and_then(Value::as_mapping) };
        let keys = given.into_iter().flatten().map(|(key, _)| key.as_str().unwrap_or("(not text)"));
        warnings.extend(keys.filter(|key| !known.contains(key)).map(|key| ineffective(within, key)));
    }
    let bot_token = token::read(entries, read, &mut problems);
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
    let require_mention = flag(entries, "require_mention", false, &mut problems);
    let mut texts = |key: &str| text(entries, key, &mut problems);
    let (quiet_hours, digest_at, zone, api_url) = (texts("quiet_hours"), texts("digest_at"), texts("time_zone"), texts("api_url"));
    let minute = |text: &str| {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    let quiet = match quiet_hours.as_str() {
        "" => None,
        hours => match hours.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?))) {
            Some(quiet) => Some(quiet),
            None => {
                problems.push("discord.quiet_hours: must be written `HH:MM-HH:MM`".to_owned());
                None
            }
        },
    };
    let digest = match digest_at.as_str() {
        "" => None,
        at => match minute(at) {
            Some(digest) => Some(digest),
            None => {
                problems.push("discord.digest_at: must be written `HH:MM`".to_owned());
                None
            }
        },
    };
    let zone = Some(zone).filter(|zone| !zone.is_empty()).unwrap_or_else(|| "UTC".to_owned());
    if jiff::tz::TimeZone::get(&zone).is_err() {
        // The value is not quoted: it may come out of the environment.
        problems.push("discord.time_zone: is not a time zone that is known; write one such as `Europe/Vienna`".to_owned());
    }
    let api_url = Some(api_url).filter(|url| !url.is_empty()).unwrap_or_else(|| "https://discord.com".to_owned());
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

/// A switch; `usual` where it is left out. `key` is its place within the section `discord`.
fn flag(within: &Mapping, key: &str, usual: bool, problems: &mut Vec<String>) -> bool {
    match within.get(key.rsplit('.').next().unwrap_or(key)) {
        None | Some(Value::Null) => usual,
        Some(Value::Bool(value)) => *value,
        Some(_) => {
            problems.push(format!("discord.{key}: must be true or false"));
            usual
        }
    }
}

/// A text; empty where it is left out. `key` is its place within the section `discord`.
fn text(within: &Mapping, key: &str, problems: &mut Vec<String>) -> String {
    match within.get(key.rsplit('.').next().unwrap_or(key)) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(_) => {
            problems.push(format!("discord.{key}: must be a text; write it in quotation marks"));
            String::new()
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
    let mut named = |key: &str| Some(text(channels, &format!("channels.{key}"), problems)).filter(|name| !name.is_empty());
    if let Some(channel) = named("channel") {
        return channel;
    }
    for old in ["control", "notifications"] {
        if let Some(channel) = named(old) {
            warnings.push(format!("discord.channels.{old}: is now called `channel`"));
            return channel;
        }
    }
    "agent-queue".to_owned()
}

fn project_channels(entries: &Mapping, problems: &mut Vec<String>) -> ProjectChannels {
    let none = Mapping::new();
    let given = match entries.get("per_project_channels") {
        None | Some(Value::Null) => &none,
        Some(Value::Mapping(given)) => given,
        Some(_) => {
            problems.push("discord.per_project_channels: must be a mapping".to_owned());
            &none
        }
    };
    let key = |name: &str| format!("per_project_channels.{name}");
    let naming = text(given, &key("naming_convention"), problems);
    let naming = if naming.is_empty() { "{project_id}".to_owned() } else { naming };
    if !naming.contains("{project_id}") {
        problems.push("discord.per_project_channels.naming_convention: must contain `{project_id}`".to_owned());
    }
    ProjectChannels {
        auto_create: flag(given, &key("auto_create"), false, problems),
        naming,
        category: text(given, &key("category_name"), problems),
        private: flag(given, &key("private"), true, problems),
    }
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

    /// D-103, gateway R3: a key that does nothing is told, wherever it stands; that of a channel for questions with where they are asked.
    #[test]
    fn keys_without_effect_are_told() {
        let text = "discord: {bot_token: '${BOT}', guild_id: 42, authorized_users: [7], guild: 1, channels: {channel: ops, \
                    agent_questions: ask}, per_project_channels: {auto_create: true, colour: red}}";
        let (section, warnings) = loaded(text).unwrap();
        assert_eq!((section.channel.as_str(), section.channels.auto_create), ("ops", true));
        let told = [
            "discord.guild: is not a known key and has no effect",
            "discord.channels.agent_questions: has no effect: a question is asked in the channel of its project, below the card of its run",
            "discord.per_project_channels.colour: is not a known key and has no effect",
        ];
        assert_eq!(warnings, told);
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
        let text = "discord: {bot_token: '${BOT}', guild_id: 42, authorized_users: [7], quiet_hours: 22, api_url: 1, require_mention: 'no', \
                    channels: {channel: 5}, per_project_channels: {private: 'no', auto_create: 1, category_name: [x]}}";
        let problems = loaded(text).unwrap_err();
        assert_eq!(problems.0.len(), 7, "{problems}");
        assert!(problems.to_string().contains("discord.per_project_channels.private: must be true or false"), "{problems}");
        assert_eq!(
            loaded("discord: {bot_token: '${BOT}', guild_id: 42, authorized_users: [7], per_project_channels: 1}").unwrap_err().0.len(),
            1
        );
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

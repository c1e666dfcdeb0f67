//! Section `runtimes`: the programs that do the work.
//!
//! Keys: `claude.program`, `claude.model`, `claude.extra_args`, `command.profiles.<name>.argv`, `command.profiles.<name>.env`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::config::reader::{Reader, printable};
use crate::config::secret::Secret;

/// The programs that do the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runtimes {
    /// The Claude Code CLI.
    pub claude: ClaudeRuntime,
    /// Argument vectors that command agents may run, by name.
    #[serde(rename = "command", serialize_with = "profiles")]
    pub command_profiles: BTreeMap<String, CommandProfile>,
}

/// How the Claude Code CLI is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaudeRuntime {
    /// The program: a name looked up in `PATH`, or an absolute path.
    pub program: String,
    /// The model asked for when neither task nor agent names one.
    pub model: Option<String>,
    /// Arguments added to every start.
    pub extra_args: Vec<String>,
}

/// An argument vector that a command agent runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandProfile {
    /// Program and arguments; never a shell line.
    pub argv: Vec<String>,
    /// Variables set for it.
    pub env: BTreeMap<String, Secret>,
}

impl Runtimes {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let mut claude = reader.section("claude");
        let program = claude.text("program", "claude");
        if program.contains('/') && !program.starts_with('/') {
            claude.error("program", "must be a name or an absolute path", None);
        }
        let model = claude.optional_text("model");
        let extra_args = claude.texts("extra_args", &[]);
        claude.finish();
        let mut command = reader.section("command");
        let mut command_profiles = BTreeMap::new();
        for (name, profile) in command.named_items("profiles") {
            if let Some(profile) = CommandProfile::read(profile, &name) {
                drop(command_profiles.insert(name, profile));
            }
        }
        command.finish();
        reader.finish();
        Self { claude: ClaudeRuntime { program, model, extra_args }, command_profiles }
    }
}

impl CommandProfile {
    fn read(mut reader: Reader<'_>, name: &str) -> Option<Self> {
        let argv = reader.texts("argv", &[]);
        let env = reader.text_map("env").into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        if argv.first().is_none_or(String::is_empty) {
            let remedy = "write a list: the program, then each argument".to_owned();
            reader.error("argv", format!("profile `{}` has no program to run", printable(name)), Some(remedy));
        }
        reader.finish();
        Some(Self { argv, env }).filter(|profile| !profile.argv.is_empty())
    }
}

/// Writes the profiles where they are read from: one level down, under `profiles`.
fn profiles<S: Serializer>(profiles: &BTreeMap<String, CommandProfile>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("profiles", profiles)?;
    map.end()
}

//! Section `runtimes`: the programs that do the work.
//!
//! Keys: `program`, `model`, `extra_args` below `claude`, `codex`, `gemini` and `opencode`, `command.profiles.<name>.argv`, `command.profiles.<name>.env`.

use std::collections::BTreeMap;

use aq_core::runtime::RuntimeKind;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::config::reader::{Reader, printable};
use crate::config::secret::Secret;

/// The programs that do the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runtimes {
    /// The Claude Code CLI.
    pub claude: CliRuntime,
    /// The Codex CLI.
    pub codex: CliRuntime,
    /// The Gemini CLI.
    pub gemini: CliRuntime,
    /// OpenCode.
    pub opencode: CliRuntime,
    /// Argument vectors that command agents may run, by name.
    #[serde(rename = "command", serialize_with = "profiles")]
    pub command_profiles: BTreeMap<String, CommandProfile>,
}

/// How the command line program of an agent is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CliRuntime {
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
        let claude = CliRuntime::read(reader.section("claude"), "claude");
        let codex = CliRuntime::read(reader.section("codex"), "codex");
        let gemini = CliRuntime::read(reader.section("gemini"), "gemini");
        let opencode = CliRuntime::read(reader.section("opencode"), "opencode");
        let mut command = reader.section("command");
        let mut command_profiles = BTreeMap::new();
        for (name, profile) in command.named_items("profiles") {
            if let Some(profile) = CommandProfile::read(profile, &name) {
                drop(command_profiles.insert(name, profile));
            }
        }
        command.finish();
        reader.finish();
        Self { claude, codex, gemini, opencode, command_profiles }
    }

    /// The command line programs, with the runtime that drives each and the name of its section.
    #[must_use]
    pub fn programs(&self) -> [(RuntimeKind, &'static str, &CliRuntime); 4] {
        [
            (RuntimeKind::Claude, "claude", &self.claude),
            (RuntimeKind::Codex, "codex", &self.codex),
            (RuntimeKind::Gemini, "gemini", &self.gemini),
            (RuntimeKind::OpenCode, "opencode", &self.opencode),
        ]
    }
}

impl CliRuntime {
    fn read(mut reader: Reader<'_>, usual: &str) -> Self {
        let program = reader.text("program", usual);
        if program.contains('/') && !program.starts_with('/') {
            reader.error("program", "must be a name or an absolute path", None);
        }
        let model = reader.optional_text("model");
        let extra_args = reader.texts("extra_args", &[]);
        reader.finish();
        Self { program, model, extra_args }
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

//! Section `agents`: how long agents may run, how they are contained, which are there from the start.
//!
//! Keys: `heartbeat_interval_seconds`, `stuck_timeout_seconds`, `silence_timeout_seconds`, `graceful_shutdown_timeout_seconds`,
//! `sandbox`, `own_key`, `env_passthrough`, `predefined`. Keys of a predefined agent: `id`, `runtime`, `account`, `model`, `profile`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aq_core::ids::{AccountId, AgentId};
use aq_core::profile::{RuntimeProfile, misfits};
use aq_core::runtime::RuntimeKind;
use serde::Serialize;

use super::{Account, Runtimes};
use crate::config::document::{display, optional_display, seconds};
use crate::config::environment::Environment;
use crate::config::reader::{Reader, closest};
use crate::config::secret::Secret;

/// Variables every agent gets when the server has them; `env_passthrough` adds to these.
const BASE_ENVIRONMENT: [&str; 11] =
    ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Longest wall-clock limit of a run, in seconds: a week.
const WEEK_SECONDS: u64 = 7 * 24 * 3600;

/// How agents run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Agents {
    /// How often a run reports that it lives, 1 to 3600 s.
    #[serde(rename = "heartbeat_interval_seconds", serialize_with = "seconds")]
    pub heartbeat_interval: Duration,
    /// Wall-clock limit of one run, 1 s to a week; default 4 hours. The original's 0 ("off") reads as a week.
    #[serde(rename = "stuck_timeout_seconds", serialize_with = "seconds")]
    pub stuck_timeout: Duration,
    /// How long a run may print nothing before it is looked at, 10 s to a week; default 15 minutes.
    #[serde(rename = "silence_timeout_seconds", serialize_with = "seconds")]
    pub silence_timeout: Duration,
    /// How long an agent has between the polite signal and the kill, 1 to 3600 s.
    #[serde(rename = "graceful_shutdown_timeout_seconds", serialize_with = "seconds")]
    pub graceful_shutdown_timeout: Duration,
    /// How agents are contained.
    pub sandbox: SandboxLevel,
    /// Whether runs get an API key of their own, to read their task and propose others.
    pub own_key: bool,
    /// Names of variables that agents get beyond the built-in list.
    pub env_passthrough: Vec<String>,
    /// The variables agents get, with their values; not part of the dump.
    #[serde(skip)]
    pub environment: BTreeMap<String, Secret>,
    /// Agents that exist from the start.
    pub predefined: Vec<PredefinedAgent>,
}

/// How agents are contained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxLevel {
    /// The kernel's Landlock: agents reach their run directory and what their runtime needs.
    Landlock,
    /// Landlock within namespaces that the program `bwrap` makes; a server that cannot have them does not start.
    Bwrap,
    /// No containment; the server says so at every start.
    None,
}

/// An agent that exists from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PredefinedAgent {
    /// The agent's id.
    #[serde(serialize_with = "display")]
    pub id: AgentId,
    /// The kind of program that does its work.
    #[serde(serialize_with = "display")]
    pub runtime: RuntimeKind,
    /// The account it draws from; `None` for runtimes that spend nothing.
    #[serde(serialize_with = "optional_display")]
    pub account: Option<AccountId>,
    /// The model it asks for; `None` leaves the choice to the program.
    pub model: Option<String>,
    /// The command profile it runs; needed by runtime `command`.
    pub profile: Option<String>,
}

impl Agents {
    pub(in crate::config) fn read(mut reader: Reader<'_>, environment: &Environment, accounts: &[Account], runtimes: &Runtimes) -> Self {
        let heartbeat_interval = reader.seconds("heartbeat_interval_seconds", 1..=3600, 30);
        let mut stuck_timeout = reader.seconds("stuck_timeout_seconds", 0..=WEEK_SECONDS, 4 * 3600);
        if stuck_timeout.is_zero() {
            let remedy = format!("write {WEEK_SECONDS} to silence this");
            reader.warning("stuck_timeout_seconds", "is 0, which no longer means unlimited; a week is used", Some(remedy));
            stuck_timeout = Duration::from_secs(WEEK_SECONDS);
        }
        let silence_timeout = reader.seconds("silence_timeout_seconds", 10..=WEEK_SECONDS, 15 * 60);
        let graceful_shutdown_timeout = reader.seconds("graceful_shutdown_timeout_seconds", 1..=3600, 30);
        let levels = [("landlock", SandboxLevel::Landlock), ("bwrap", SandboxLevel::Bwrap), ("none", SandboxLevel::None)];
        let sandbox = reader.choice("sandbox", &levels, SandboxLevel::Landlock);
        let own_key = reader.boolean("own_key", sandbox != SandboxLevel::None);
        let env_passthrough = reader.texts("env_passthrough", &[]);
        for (index, name) in env_passthrough.iter().enumerate() {
            if name.starts_with("AQ_") {
                reader.error(&format!("env_passthrough[{index}]"), "names a variable of the server itself", None);
            }
        }
        let names = BASE_ENVIRONMENT.into_iter().chain(env_passthrough.iter().map(String::as_str));
        let values = names.filter_map(|name| Some((name.to_owned(), Secret::new(environment.get(name)?.to_owned())))).collect();
        let mut seen = BTreeSet::new();
        let predefined =
            reader.items("predefined").into_iter().filter_map(|item| PredefinedAgent::read(item, &mut seen, accounts, runtimes)).collect();
        reader.finish();
        Self {
            heartbeat_interval,
            stuck_timeout,
            silence_timeout,
            graceful_shutdown_timeout,
            sandbox,
            own_key,
            env_passthrough,
            environment: values,
            predefined,
        }
    }
}

impl PredefinedAgent {
    fn read(mut reader: Reader<'_>, seen: &mut BTreeSet<AgentId>, accounts: &[Account], runtimes: &Runtimes) -> Option<Self> {
        let id = reader.required("id", AgentId::parse);
        if id.as_ref().is_some_and(|id| !seen.insert(id.clone())) {
            reader.error("id", "is used by an earlier agent", None);
        }
        let kinds: Vec<(&str, RuntimeKind)> = RuntimeKind::ALL.into_iter().map(|kind| (kind.as_str(), kind)).collect();
        let runtime = reader.choice("runtime", &kinds, RuntimeKind::Claude);
        let account = reader.parsed("account", AccountId::parse);
        if let Some(account) = account.as_ref().filter(|wanted| !accounts.iter().any(|account| account.id == **wanted)) {
            let names: Vec<String> = accounts.iter().map(|account| account.id.to_string()).collect();
            let suggestion = closest(&account.to_string(), names.iter().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
            reader.warning("account", format!("`{account}` is not in the accounts section, so it must exist in the database"), suggestion);
        }
        let model = reader.optional_text("model");
        let profile = reader.optional_text("profile");
        match (&profile, runtime) {
            (None, RuntimeKind::Command | RuntimeKind::Acp) => {
                reader.error(
                    "profile",
                    format!("is required for runtime `{runtime}`"),
                    Some("name one of runtimes.command.profiles".to_owned()),
                );
            }
            (Some(name), RuntimeKind::Command | RuntimeKind::Acp) if !runtimes.command_profiles.contains_key(name) => {
                let suggestion =
                    closest(name, runtimes.command_profiles.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
                reader.error("profile", "is not one of runtimes.command.profiles", suggestion);
            }
            _ => {}
        }
        // Asked here, so that a start does not fail for it.
        let wishes = RuntimeProfile { model: model.clone().unwrap_or_default(), ..RuntimeProfile::default() };
        for misfit in misfits(runtime, &wishes).into_iter().filter(|misfit| misfit.field == "model") {
            reader.error("model", misfit.problem, None);
        }
        reader.finish();
        Some(Self { id: id?, runtime, account, model, profile })
    }
}

//! How Codex is started (codex R1, R2, R3, R11).
//!
//! Spec: specs/server/runner/codex.md

use std::collections::BTreeMap;
use std::path::PathBuf;

use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::SessionOrder;
use aq_core::runtime::RuntimeKind;
use serde_json::json;

use super::normalize::CodexLines;
use super::policy::Policy;
use super::state::{State, Wanted};
use super::{frames, mcp};
use crate::runtimes::normalizer::Normalizer;
use crate::runtimes::port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime};
use crate::shim::StdinMode;

/// Settings that hold whatever the user's own configuration says: no look for updates, and questions of the agent reach us.
const SETTINGS: [&str; 2] = ["check_for_update_on_startup=false", "features.default_mode_request_user_input=true"];

/// Variables that hold a key of the provider, best first.
const KEYS: [&str; 2] = ["CODEX_API_KEY", "OPENAI_API_KEY"];

/// Codex.
#[derive(Clone, Copy, Debug)]
pub struct Codex;

impl Runtime for Codex {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Codex
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let profile = &order.start.profile;
        let mut argv = if profile.command.is_empty() { vec!["codex".to_owned()] } else { profile.command.clone() };
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(LaunchRefused::NoCommand);
        }
        let (SessionOrder::Fresh { session_id } | SessionOrder::Resume { session_id }) = order.session;
        for (field, value, may_be_empty) in [("session.session_id", session_id, false), ("profile.model", &profile.model, true)] {
            if value.starts_with('-') || (value.is_empty() && !may_be_empty) {
                return Err(LaunchRefused::LooksLikeOption { field, value: value.clone() });
            }
        }
        Policy::read(&profile.permission_mode, order.contained)?;
        argv.push("app-server".to_owned());
        argv.extend(SETTINGS.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]));
        // What the app-server would log, warnings about its configuration above all, it tells as notifications too.
        let mut env = BTreeMap::from([("RUST_LOG".to_owned(), "error,codex_app_server=off".to_owned())]);
        if !profile.login_dir.is_empty() {
            env.insert("CODEX_HOME".to_owned(), profile.login_dir.clone());
        }
        env.extend(profile.env.clone());
        Ok(LaunchPlan {
            argv,
            native: native(),
            env,
            stdin: StdinMode::Held,
            frames: vec![frames::initialize()],
            close_stdin: false,
            files: login(order).into_iter().collect(),
            secrets: profile.secrets(),
            writable: (!profile.login_dir.is_empty()).then(|| profile.login_dir.clone().into()).into_iter().collect(),
        })
    }

    fn normalizer(&self, order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        let profile = &order.start.profile;
        let resume = match order.session {
            SessionOrder::Fresh { .. } => None,
            SessionOrder::Resume { session_id } => Some(session_id.clone()),
        };
        Box::new(CodexLines::new(State {
            launch: order.launch,
            zone: profile.env.get("TZ").cloned().unwrap_or_else(|| order.zone.to_owned()),
            policy: Policy::read(&profile.permission_mode, order.contained).unwrap_or_default(),
            wanted: Wanted {
                resume,
                model: profile.model.clone(),
                instructions: profile.system_prompt_suffix.clone(),
                settings: mcp::settings(&profile.mcp_servers),
            },
            prompt: order.start.prompt.clone(),
            ..State::default()
        }))
    }

    fn restore(&self, state: &serde_json::Value) -> Option<Box<dyn Normalizer>> {
        let state: State = serde_json::from_value(state.clone()).ok()?;
        Some(Box::new(CodexLines::new(state)))
    }
}

/// Where the native program lies, seen from its launcher: in the package for this machine beside or below the launcher's, or within it.
fn native() -> Vec<String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return Vec::new(),
    };
    let program = format!("vendor/{}-unknown-linux-musl/bin/codex", std::env::consts::ARCH);
    ["../../codex-linux-", "../node_modules/@openai/codex-linux-"]
        .iter()
        .map(|package| format!("{package}{arch}/{program}"))
        .chain([format!("../{program}"), format!("../vendor/{}-unknown-linux-musl/codex/codex", std::env::consts::ARCH)])
        .collect()
}

/// The login file that makes Codex use a key from the profile's environment, of which it takes no notice by itself. Only in the task's own
/// home: the login of an account is never touched.
fn login(order: &LaunchOrder<'_>) -> Option<(PathBuf, String)> {
    let RuntimeProfile { env, login_dir, .. } = &order.start.profile;
    if !login_dir.is_empty() || env.contains_key("CODEX_HOME") {
        return None;
    }
    let key = KEYS.iter().find_map(|name| env.get(*name).filter(|key| !key.is_empty()))?;
    let file = order.home.join(".codex").join("auth.json");
    Some((file, json!({"auth_mode": "apikey", "OPENAI_API_KEY": key}).to_string()))
}

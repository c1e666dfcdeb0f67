//! How the Gemini CLI is started (gemini R1 to R4).
//!
//! Spec: specs/server/runner/gemini.md

use std::collections::BTreeMap;
use std::path::Path;

use aq_core::runner_link::SessionOrder;
use aq_core::runtime::RuntimeKind;
use serde_json::Value;

use super::lines::GeminiLines;
use super::settings;
use super::state::State;
use crate::runtimes::acp;
use crate::runtimes::normalizer::{Frame, Normalizer};
use crate::runtimes::port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime, option};
use crate::shim::StdinMode;

/// The approval mode when the profile names none: everything is allowed, the sandbox contains it.
const DEFAULT_MODE: &str = "yolo";

/// The Gemini CLI.
#[derive(Clone, Copy, Debug)]
pub struct Gemini;

/// The approval mode of an order.
fn mode<'a>(order: &'a LaunchOrder<'_>) -> &'a str {
    let mode = order.start.profile.permission_mode.as_str();
    if mode.is_empty() { DEFAULT_MODE } else { mode }
}

/// True when the CLI may ask in this mode, so that it needs the protocol by which it can be answered (gemini R1).
fn asks(order: &LaunchOrder<'_>) -> bool {
    mode(order) != DEFAULT_MODE
}

impl Runtime for Gemini {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Gemini
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let profile = &order.start.profile;
        let mut argv = if profile.command.is_empty() { vec!["gemini".to_owned()] } else { profile.command.clone() };
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(LaunchRefused::NoCommand);
        }
        let asks = asks(order);
        if asks {
            argv.push("--acp".to_owned());
        } else {
            argv.extend(["-o", "stream-json"].map(str::to_owned));
            let (flag, session_id) = match order.session {
                SessionOrder::Fresh { session_id } => ("--session-id", session_id),
                SessionOrder::Resume { session_id } => ("--resume", session_id),
            };
            argv.extend(option(flag, "session.session_id", session_id)?);
        }
        argv.extend(option("--approval-mode", "profile.permission_mode", mode(order))?);
        if !profile.model.is_empty() {
            argv.extend(option("-m", "profile.model", &profile.model)?);
        }
        let own = settings::of(order.home, profile);
        let mut env = environment(order);
        env.extend(own.variables);
        env.extend(profile.env.clone());
        let prompt = [profile.system_prompt_suffix.as_str(), order.start.prompt.as_str()].map(str::trim);
        let prompt = prompt.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
        Ok(LaunchPlan {
            argv,
            native: Vec::new(),
            env,
            stdin: StdinMode::Held,
            frames: if asks { acp::frames() } else { vec![Frame { id: "prompt".to_owned(), bytes: format!("{prompt}\n").into_bytes() }] },
            close_stdin: !asks,
            files: vec![own.file],
            secrets: profile.secrets(),
            writable: (!profile.login_dir.is_empty()).then(|| profile.login_dir.clone().into()).into_iter().collect(),
        })
    }

    fn normalizer(&self, order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        if asks(order) {
            // Mode and model are chosen by arguments; the servers stand in the settings, where they can be trusted.
            let (mode, model, servers) = Default::default();
            return acp::normalizer(order, acp::Wanted { mode, model, servers, ..acp::Wanted::of(order) });
        }
        let (SessionOrder::Fresh { session_id } | SessionOrder::Resume { session_id }) = order.session;
        Box::new(GeminiLines::new(State {
            launch: order.launch,
            directory: order.directory.to_string_lossy().into_owned(),
            wanted_session: session_id.clone(),
            ..State::default()
        }))
    }

    fn restore(&self, state: &Value) -> Option<Box<dyn Normalizer>> {
        if state.get("wanted_session").is_none() {
            return acp::restore(state);
        }
        Some(Box::new(GeminiLines::new(serde_json::from_value(state.clone()).ok()?)))
    }
}

/// Keeps the CLI in one process, which our signals reach; trusts the checkout, which is ours; and keeps it from calling home.
fn environment(order: &LaunchOrder<'_>) -> BTreeMap<String, String> {
    let fixed = [("GEMINI_CLI_NO_RELAUNCH", "true"), ("GEMINI_CLI_TRUST_WORKSPACE", "true"), ("GEMINI_TELEMETRY_ENABLED", "false")];
    let mut env: BTreeMap<String, String> = fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    // The CLI looks for a folder `.gemini` in its home.
    if let Some(home) = Path::new(&order.start.profile.login_dir).parent().filter(|home| !home.as_os_str().is_empty()) {
        env.insert("GEMINI_CLI_HOME".to_owned(), home.to_string_lossy().into_owned());
    }
    env
}

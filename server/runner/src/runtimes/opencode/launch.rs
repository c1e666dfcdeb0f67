//! How OpenCode is started (opencode R1 to R4).
//!
//! Spec: specs/server/runner/opencode.md

use std::collections::BTreeMap;
use std::path::Path;

use aq_core::runner_link::SessionOrder;
use aq_core::runtime::RuntimeKind;
use serde_json::Value;

use super::config;
use super::lines::OpenCodeLines;
use super::state::State;
use crate::runtimes::acp;
use crate::runtimes::normalizer::{Frame, Normalizer};
use crate::runtimes::port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime, option};
use crate::shim::StdinMode;

/// The permission mode in which OpenCode asks.
const ASK: &str = "ask";

/// What ids of its sessions begin with.
const SESSION: &str = "ses_";

/// OpenCode.
#[derive(Clone, Copy, Debug)]
pub struct OpenCode;

/// True when OpenCode may ask, so that it needs the protocol by which it can be answered (opencode R1).
fn asks(order: &LaunchOrder<'_>) -> bool {
    order.start.profile.permission_mode == ASK
}

/// The session to go on with. OpenCode names its sessions itself: an id of ours was never one.
fn resumed<'a>(order: &'a LaunchOrder<'_>) -> Option<&'a str> {
    match order.session {
        SessionOrder::Resume { session_id } if session_id.starts_with(SESSION) => Some(session_id.as_str()),
        _ => None,
    }
}

impl Runtime for OpenCode {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::OpenCode
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let profile = &order.start.profile;
        let mut argv = if profile.command.is_empty() { vec!["opencode".to_owned()] } else { profile.command.clone() };
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(LaunchRefused::NoCommand);
        }
        let asks = asks(order);
        if asks {
            argv.push("acp".to_owned());
        } else {
            argv.extend(["run", "--format", "json", "--auto"].map(str::to_owned));
            if !profile.model.is_empty() {
                argv.extend(option("-m", "profile.model", &profile.model)?);
            }
            if let Some(session_id) = resumed(order) {
                argv.extend(option("-s", "session.session_id", session_id)?);
            }
        }
        let prompt = Frame { id: "prompt".to_owned(), bytes: format!("{}\n", order.start.prompt).into_bytes() };
        Ok(LaunchPlan {
            argv,
            native: Vec::new(),
            env: environment(order),
            stdin: StdinMode::Held,
            frames: if asks { acp::frames() } else { vec![prompt] },
            close_stdin: !asks,
            files: config::files(order.home, profile, asks),
            secrets: profile.secrets(),
            writable: (!profile.login_dir.is_empty()).then(|| profile.login_dir.clone().into()).into_iter().collect(),
        })
    }

    fn normalizer(&self, order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        if asks(order) {
            // All of this stands in the configuration.
            let (mode, model, instructions, servers) = Default::default();
            let resume = resumed(order).map(str::to_owned);
            return acp::normalizer(order, acp::Wanted { mode, model, instructions, servers, resume, ..acp::Wanted::of(order) });
        }
        Box::new(OpenCodeLines::new(State {
            launch: order.launch,
            directory: order.directory.to_string_lossy().into_owned(),
            resumed_session: resumed(order).unwrap_or_default().to_owned(),
            model: order.start.profile.model.clone(),
            ..State::default()
        }))
    }

    fn restore(&self, state: &Value) -> Option<Box<dyn Normalizer>> {
        if state.get("resumed_session").is_none() {
            return acp::restore(state);
        }
        Some(Box::new(OpenCodeLines::new(serde_json::from_value(state.clone()).ok()?)))
    }
}

fn environment(order: &LaunchOrder<'_>) -> BTreeMap<String, String> {
    let profile = &order.start.profile;
    let config = config::path(order.home).to_string_lossy().into_owned();
    let mut env = BTreeMap::from([("OPENCODE_CONFIG".to_owned(), config), ("OPENCODE_DISABLE_AUTOUPDATE".to_owned(), "1".to_owned())]);
    // Logins lie in a folder `opencode` in the folder of the user's data.
    if let Some(data) = Path::new(&profile.login_dir).parent().filter(|data| !data.as_os_str().is_empty()) {
        env.insert("XDG_DATA_HOME".to_owned(), data.to_string_lossy().into_owned());
    }
    env.extend(profile.env.clone());
    env
}

//! How Claude Code is started (claude R1, R2, R12).
//!
//! Spec: specs/server/runner/claude.md

use std::collections::BTreeMap;

use aq_core::profile::OWN_SERVER;
use aq_core::runner_link::SessionOrder;
use aq_core::runtime::RuntimeKind;

use super::normalize::ClaudeLines;
use super::state::State;
use super::{frames, mcp};
use crate::runtimes::normalizer::Normalizer;
use crate::runtimes::port::{LaunchOrder, LaunchPlan, LaunchRefused, Runtime};
use crate::shim::StdinMode;

/// Tools that need no permission when the profile names none.
const DEFAULT_TOOLS: [&str; 6] = ["Read", "Write", "Edit", "Bash", "Glob", "Grep"];

/// The permission mode when the profile names none.
const DEFAULT_MODE: &str = "acceptEdits";

const BYPASS_MODE: &str = "bypassPermissions";

/// Claude Code.
#[derive(Clone, Copy, Debug)]
pub struct Claude;

impl Runtime for Claude {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Claude
    }

    fn plan(&self, order: &LaunchOrder<'_>) -> Result<LaunchPlan, LaunchRefused> {
        let profile = &order.start.profile;
        let mode = if profile.permission_mode.is_empty() { DEFAULT_MODE } else { &profile.permission_mode };
        let mut argv = if profile.command.is_empty() { vec!["claude".to_owned()] } else { profile.command.clone() };
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(LaunchRefused::NoCommand);
        }
        let (session_flag, session_id) = match order.session {
            SessionOrder::Fresh { session_id } => ("--session-id", session_id),
            SessionOrder::Resume { session_id } => ("--resume", session_id),
        };
        let fixed = ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
        argv.extend(fixed.map(str::to_owned));
        argv.extend(["--permission-prompt-tool", "stdio", "--replay-user-messages"].map(str::to_owned));
        let mut option = |flag: &str, field: &'static str, value: &str| {
            if value.is_empty() || value.starts_with('-') {
                return Err(LaunchRefused::LooksLikeOption { field, value: value.to_owned() });
            }
            argv.extend([flag.to_owned(), value.to_owned()]);
            Ok(())
        };
        option(session_flag, "session.session_id", session_id)?;
        option("--permission-mode", "profile.permission_mode", mode)?;
        if !profile.model.is_empty() {
            option("--model", "profile.model", &profile.model)?;
        }
        if !profile.system_prompt_suffix.is_empty() {
            argv.extend(["--append-system-prompt".to_owned(), profile.system_prompt_suffix.clone()]);
        }
        let servers = mcp::file(order.home, &profile.mcp_servers);
        if let Some((path, _)) = &servers {
            argv.extend(["--mcp-config".to_owned(), path.to_string_lossy().into_owned()]);
            // Who names servers means these only; the one that every run is given does not push out what the login brings along.
            if profile.mcp_servers.iter().any(|server| server.name != OWN_SERVER) {
                argv.push("--strict-mcp-config".to_owned());
            }
        }
        // Takes every argument that follows, so it comes last.
        argv.push("--allowedTools".to_owned());
        if profile.allowed_tools.is_empty() {
            argv.extend(DEFAULT_TOOLS.map(str::to_owned));
        } else {
            argv.extend(profile.allowed_tools.iter().filter(|tool| !tool.starts_with('-')).cloned());
        }
        argv.extend(profile.mcp_servers.iter().map(|server| format!("mcp__{}", server.name)));
        let prompt = frames::user_message(&prompt_id(order), &order.start.prompt);
        Ok(LaunchPlan {
            argv,
            native: Vec::new(),
            env: environment(order, mode),
            stdin: StdinMode::Held,
            frames: vec![frames::initialize(), prompt],
            close_stdin: false,
            files: servers.into_iter().collect(),
            secrets: profile.secrets(),
            writable: (!profile.login_dir.is_empty()).then(|| profile.login_dir.clone().into()).into_iter().collect(),
        })
    }

    fn normalizer(&self, order: &LaunchOrder<'_>) -> Box<dyn Normalizer> {
        Box::new(ClaudeLines::new(State {
            launch: order.launch,
            background_wait_ms: order.background_wait_ms,
            prompt_uuid: frames::message_uuid(&prompt_id(order)),
            ..State::default()
        }))
    }

    fn restore(&self, state: &serde_json::Value) -> Option<Box<dyn Normalizer>> {
        let state: State = serde_json::from_value(state.clone()).ok()?;
        Some(Box::new(ClaudeLines::new(state)))
    }
}

fn prompt_id(order: &LaunchOrder<'_>) -> String {
    format!("{}/{}/prompt", order.start.run, order.launch)
}

fn environment(order: &LaunchOrder<'_>, mode: &str) -> BTreeMap<String, String> {
    let profile = &order.start.profile;
    let quiet = ["DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"];
    let mut env: BTreeMap<String, String> = quiet.map(|name| (name.to_owned(), "1".to_owned())).into();
    if !profile.login_dir.is_empty() {
        env.insert("CLAUDE_CONFIG_DIR".to_owned(), profile.login_dir.clone());
    }
    if order.is_root && order.root_bypass && mode == BYPASS_MODE {
        env.insert("IS_SANDBOX".to_owned(), "1".to_owned());
    }
    env.extend(profile.env.clone());
    env.retain(|name, _| name != "CLAUDECODE" && name != "CLAUDE_CODE_ENTRYPOINT");
    env
}

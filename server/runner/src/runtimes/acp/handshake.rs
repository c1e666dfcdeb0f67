//! The beginning: greeting, session, mode and model (acp R2, R3).
//!
//! Spec: specs/server/runner/acp.md

use aq_core::output::OutputBody;
use aq_core::profile::OWN_SERVER;
use serde_json::{Value, json};

use super::facts::{BAD_ORDER, Facts};
use super::state::{Phase, State};
use super::{turns, wire};
use crate::runtimes::json::{is_true, list, text};
use crate::runtimes::normalizer::{Frame, Step};

/// The version of the protocol that we speak.
const VERSION: u64 = 1;

/// The first request: who we are, and that we announce neither files nor terminals.
pub(super) fn greeting() -> Frame {
    let params = json!({
        "protocolVersion": VERSION,
        "clientCapabilities": {"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false},
        "clientInfo": {"name": "agent-queue", "version": env!("CARGO_PKG_VERSION")},
    });
    wire::request(wire::INITIALIZE, "initialize", &params)
}

/// The agent has greeted: an earlier session is loaded where it can do that, else a new one is made.
pub(super) fn greeted(state: &mut State, result: &Value, at_ms: i64) -> Step {
    let version = result.get("protocolVersion").and_then(Value::as_u64);
    if version != Some(VERSION) {
        let spoken = version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
        return hopeless(state, BAD_ORDER, format!("the program speaks {spoken} of the protocol; version {VERSION} is needed"), at_ms);
    }
    text(result, "/agentInfo/version").clone_into(&mut state.version);
    state.http_servers = is_true(result, "/agentCapabilities/mcpCapabilities/http");
    let mut items = Vec::new();
    if !state.http_servers {
        let left_out =
            state.wanted.servers.iter().filter(|server| is_remote(server) && !is_bridged(state, server)).map(|server| {
                match text(server, "/name") {
                    OWN_SERVER => "it works without the tools of its task, such as ask_human and propose_task".to_owned(),
                    name => format!("{name} is left out"),
                }
            });
        items.extend(left_out.map(|what| note(format!("the agent cannot reach MCP servers by HTTP; {what}"))));
    }
    match state.wanted.resume.clone() {
        Some(session) if is_true(result, "/agentCapabilities/loadSession") => {
            state.phase = Phase::Loading;
            let params = json!({"sessionId": session, "cwd": state.wanted.directory, "mcpServers": servers(state)});
            Step { items, frames: vec![wire::request(wire::LOAD, "session/load", &params)] }
        }
        Some(_) => {
            items.push(note("the agent cannot go on with an earlier session; starting a new one"));
            Step { items, frames: vec![make(state)] }
        }
        None => Step { items, frames: vec![make(state)] },
    }
}

/// The earlier session cannot be had; the whole prompt goes to a new one.
pub(super) fn gone(state: &mut State) -> Step {
    Step { items: vec![note("the session is gone; starting a new one")], frames: vec![make(state)] }
}

fn make(state: &mut State) -> Frame {
    state.phase = Phase::Making;
    let params = json!({"cwd": state.wanted.directory, "mcpServers": servers(state)});
    wire::request(wire::NEW, "session/new", &params)
}

/// There is a session: what the profile wishes is chosen, then comes the prompt.
pub(super) fn had(state: &mut State, result: &Value, at_ms: i64) -> Step {
    if state.phase == Phase::Loading {
        state.session = state.wanted.resume.clone().unwrap_or_default();
        state.resumed = true;
    } else {
        text(result, "/sessionId").clone_into(&mut state.session);
    }
    let current = option(result, "model").map(|option| text(option, "/currentValue"));
    current.unwrap_or_else(|| text(result, "/models/currentModelId")).clone_into(&mut state.model);
    let mut frames = Vec::new();
    for chosen in [mode(state, result), model(state, result)] {
        match chosen {
            Ok(frame) => frames.extend(frame),
            Err(problem) => return hopeless(state, BAD_ORDER, problem, at_ms),
        }
    }
    if !state.wanted.model.is_empty() {
        state.model.clone_from(&state.wanted.model);
    }
    let started =
        OutputBody::SessionStarted { session_id: state.session.clone(), model: state.model.clone(), version: state.version.clone() };
    state.phase = Phase::Choosing;
    state.choosing = u32::try_from(frames.len()).unwrap_or(u32::MAX);
    if frames.is_empty() {
        frames.push(turns::first(state));
    }
    Step { items: vec![started], frames }
}

/// One of the requests that choose was granted.
pub(super) fn chosen(state: &mut State) -> Step {
    state.choosing = state.choosing.saturating_sub(1);
    let ready = state.choosing == 0 && state.phase == Phase::Choosing;
    Step { items: Vec::new(), frames: ready.then(|| turns::first(state)).into_iter().collect() }
}

/// Nothing will come of this launch.
pub(super) fn hopeless(state: &mut State, kind: &str, text: impl Into<String>, at_ms: i64) -> Step {
    state.phase = Phase::Hopeless;
    let text = text.into();
    state.result = Some(Facts { kind: kind.to_owned(), text: text.clone(), at_ms, ..Facts::default() });
    OutputBody::Error { text }.into()
}

/// The request that chooses the wanted mode; none when it is the present one.
fn mode(state: &State, result: &Value) -> Result<Option<Frame>, String> {
    let wanted = state.wanted.mode.as_str();
    let option = option(result, "mode");
    let offered: Vec<&str> = match (list(result, "/modes/availableModes"), option) {
        ([], Some(option)) => list(option, "/options").iter().map(|choice| text(choice, "/value")).collect(),
        (modes, _) => modes.iter().map(|mode| text(mode, "/id")).collect(),
    };
    let current = option.map_or_else(|| text(result, "/modes/currentModeId"), |option| text(option, "/currentValue"));
    if wanted.is_empty() || wanted == current {
        return Ok(None);
    }
    if !offered.contains(&wanted) {
        let known = if offered.is_empty() { "no modes".to_owned() } else { offered.join(", ") };
        return Err(format!("the agent has no permission mode `{wanted}`; it offers {known}"));
    }
    if list(result, "/modes/availableModes").is_empty() {
        return Ok(Some(set_option(state, wire::MODE, option, wanted)));
    }
    let params = json!({"sessionId": state.session, "modeId": wanted});
    Ok(Some(wire::request(wire::MODE, "session/set_mode", &params)))
}

/// The request that chooses the wanted model; the agent judges whether there is such a model.
fn model(state: &State, result: &Value) -> Result<Option<Frame>, String> {
    let wanted = state.wanted.model.as_str();
    if wanted.is_empty() || wanted == state.model {
        return Ok(None);
    }
    let option = option(result, "model");
    if option.is_some() {
        return Ok(Some(set_option(state, wire::MODEL, option, wanted)));
    }
    if result.get("models").is_none() {
        return Err(format!("the agent lets nobody choose a model; leave `{wanted}` out, or name it in the profile's command"));
    }
    let params = json!({"sessionId": state.session, "modelId": wanted});
    Ok(Some(wire::request(wire::MODEL, "session/set_model", &params)))
}

/// The configuration option of a category.
fn option<'a>(result: &'a Value, category: &str) -> Option<&'a Value> {
    list(result, "/configOptions").iter().find(|option| text(option, "/category") == category)
}

fn set_option(state: &State, id: &str, option: Option<&Value>, value: &str) -> Frame {
    let config = option.map(|option| text(option, "/id")).unwrap_or_default();
    let params = json!({"sessionId": state.session, "configId": config, "value": value});
    wire::request(id, "session/set_config_option", &params)
}

/// The MCP servers that this agent can reach.
fn servers(state: &State) -> Vec<Value> {
    let reached = |server: &Value| match (state.http_servers || !is_remote(server), is_bridged(state, server)) {
        (true, _) => Some(server.clone()),
        (false, true) => Some(state.wanted.bridge.clone()),
        (false, false) => None,
    };
    state.wanted.servers.iter().filter_map(reached).collect()
}

/// True for the server of the run's own task where it can be given as a program.
fn is_bridged(state: &State, server: &Value) -> bool {
    text(server, "/name") == OWN_SERVER && !state.wanted.bridge.is_null()
}

fn is_remote(server: &Value) -> bool {
    server.get("url").is_some()
}

fn note(text: impl Into<String>) -> OutputBody {
    OutputBody::Note { text: text.into() }
}

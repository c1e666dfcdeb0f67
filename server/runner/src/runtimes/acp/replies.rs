//! Answers of the agent to our requests.
//!
//! Spec: specs/server/runner/acp.md

use serde_json::Value;

use super::facts::{AUTH_REQUIRED, BAD_ORDER, Facts};
use super::state::{Phase, State};
use super::{handshake, turns, wire};
use crate::runtimes::json::text;
use crate::runtimes::normalizer::Step;
use crate::runtimes::refusal::provider_words;

/// What agents put before the words of others.
const PREFIXES: [&str; 2] = ["Internal error: ", "API Error: "];

/// Reads an answer.
pub(super) fn read(state: &mut State, message: &Value, at_ms: i64) -> Step {
    let id = text(message, "/id");
    let result = message.get("result").cloned().unwrap_or_default();
    let failed = message.get("error").map(|error| facts(error, at_ms));
    match (id, failed) {
        (wire::INITIALIZE, None) => handshake::greeted(state, &result, at_ms),
        (wire::LOAD | wire::NEW, None) => handshake::had(state, &result, at_ms),
        (wire::LOAD, Some(failed)) if failed.code != AUTH_REQUIRED => handshake::gone(state),
        (wire::MODE | wire::MODEL, None) => handshake::chosen(state),
        (wire::MODE, Some(failed)) => {
            let words = format!("the agent refused the permission mode `{}`: {}", state.wanted.mode, failed.text);
            handshake::hopeless(state, BAD_ORDER, words, at_ms)
        }
        (wire::MODEL, Some(failed)) => {
            let words = format!("the agent refused the model `{}`: {}", state.wanted.model, failed.text);
            handshake::hopeless(state, BAD_ORDER, words, at_ms)
        }
        (wire::INITIALIZE | wire::LOAD | wire::NEW, Some(failed)) => {
            state.phase = Phase::Hopeless;
            turns::failed(state, failed)
        }
        (prompt, None) if prompt.starts_with(wire::PROMPT) => turns::over(state, &result, at_ms),
        (prompt, Some(failed)) if prompt.starts_with(wire::PROMPT) => turns::failed(state, failed),
        _ => {
            state.sidelines.count("answer to nothing that was asked");
            Step::default()
        }
    }
}

/// An error as the agent tells it: the words may be in its message or beside it, and in JSON of the provider.
fn facts(error: &Value, at_ms: i64) -> Facts {
    let mut words = text(error, "/message");
    for prefix in PREFIXES {
        words = words.strip_prefix(prefix).unwrap_or(words);
    }
    let beside = ["/data/details", "/data/message"].iter().map(|path| text(error, path)).find(|words| !words.is_empty());
    let told = beside.filter(|_| words.is_empty() || words == "Internal error").unwrap_or(words);
    let kinds = ["/data/errorKind", "/data/codexErrorInfo", "/data/errorName"];
    let kind = kinds.iter().map(|path| text(error, path)).find(|kind| !kind.is_empty());
    Facts {
        stop: String::new(),
        code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
        kind: kind.unwrap_or_default().to_owned(),
        text: provider_words(told).1,
        at_ms,
    }
}

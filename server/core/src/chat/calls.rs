//! The tools that one answer wants: what may run, what is refused before it runs, and what goes round in circles.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::belt::{Belt, LOAD_TOOLS, Place};
use super::limits::Limits;
use super::message::{RawToolUse, ToolUse};

/// Longest arguments of one tool, in bytes.
const MOST_ARGUMENTS: usize = 256 * 1024;
/// Longest name of a tool, in bytes; what providers take.
const LONGEST_NAME: usize = 64;

/// What becomes of a wanted tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It runs.
    Run(ToolUse),
    /// It is answered at once: with `Ok`, or refused with `Err`.
    Answer(ToolUse, Result<String, String>),
}

/// What is known of repetitions.
#[derive(Clone, Debug, Default)]
pub(super) struct Circles {
    /// How often a call gave the same answer in a row, by tool with arguments.
    seen: BTreeMap<String, (u32, String)>,
    /// Rounds in a row in which nothing worked.
    vain: u32,
    /// A call was refused because it repeats.
    pub(super) caught: bool,
}

fn key(wanted: &ToolUse) -> String {
    // Maps of this kind are ordered, so the same arguments give the same text.
    format!("{} {}", wanted.name, Value::Object(wanted.input.clone()))
}

impl Circles {
    /// True when this very call gave the same answer too often.
    fn repeats(&self, wanted: &ToolUse, most: u32) -> bool {
        self.seen.get(&key(wanted)).is_some_and(|(count, _)| *count >= most)
    }

    /// Remembers an answer.
    pub(super) fn answered(&mut self, wanted: &ToolUse, content: &str) {
        let seen = self.seen.entry(key(wanted)).or_insert_with(|| (0, content.to_owned()));
        if seen.1 == content {
            seen.0 = seen.0.saturating_add(1);
        } else {
            *seen = (1, content.to_owned());
        }
    }

    /// A round is over; true when it is time to stop.
    pub(super) fn round(&mut self, worked: bool, most: u32) -> bool {
        self.vain = if worked { 0 } else { self.vain.saturating_add(1) };
        self.caught || self.vain >= most
    }
}

/// Gives the use an id of its own: providers may send none, or one twice.
fn identified(raw: &RawToolUse, ids: &mut BTreeSet<String>) -> String {
    let usable = !raw.id.is_empty()
        && raw.id.len() <= LONGEST_NAME
        && raw.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let mut id = if usable { raw.id.clone() } else { format!("call_{}", ids.len() + 1) };
    let mut number = ids.len();
    while !ids.insert(id.clone()) {
        number += 1;
        id = format!("call_{number}");
    }
    id
}

/// The name in a form that can be said back to a provider.
fn printable(name: &str) -> String {
    let name: String =
        name.chars().map(|char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '_' }).take(LONGEST_NAME).collect();
    if name.is_empty() { "nameless".to_owned() } else { name }
}

fn arguments(raw: &RawToolUse) -> Result<Map<String, Value>, String> {
    if raw.arguments.len() > MOST_ARGUMENTS {
        return Err(format!("the arguments are longer than {MOST_ARGUMENTS} bytes"));
    }
    let text = raw.arguments.trim();
    if text.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        // Some models send the object as a text.
        Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(Value::Object(map)) => Ok(map),
            _ => Err("the arguments are a text, not a JSON object; send an object".to_owned()),
        },
        Ok(_) => Err("the arguments are not a JSON object; send an object".to_owned()),
        Err(error) => Err(format!("the arguments are no JSON ({error}); send the whole call again")),
    }
}

/// Judges the `index`th tool that an answer wants.
pub(super) fn judge(
    raw: &RawToolUse,
    index: usize,
    belt: &mut Belt,
    circles: &mut Circles,
    ids: &mut BTreeSet<String>,
    limits: &Limits,
) -> Verdict {
    let id = identified(raw, ids);
    let name = printable(&raw.name);
    let read = arguments(raw);
    let wanted = ToolUse { id, name, input: read.clone().unwrap_or_default() };
    if index >= limits.calls_per_answer {
        let text = format!("not run: at most {} tools run for one answer; ask for the others in the next one", limits.calls_per_answer);
        return Verdict::Answer(wanted, Err(text));
    }
    match belt.place(&raw.name) {
        Place::Unknown => {
            let alike = belt.alike(&wanted.name).join(", ");
            let hint = if alike.is_empty() { format!("{LOAD_TOOLS} has more") } else { format!("similar: {alike}") };
            let text = format!("there is no tool `{}`; {hint}", wanted.name);
            return Verdict::Answer(wanted, Err(text));
        }
        Place::Waiting(group) => {
            belt.load(&group);
            let text = format!("not run: `{}` was not loaded. It is now; read its schema and call it again", wanted.name);
            return Verdict::Answer(wanted, Err(text));
        }
        Place::Offered => {}
    }
    if let Err(problem) = read {
        return Verdict::Answer(wanted, Err(format!("not run: {problem}")));
    }
    if wanted.name == LOAD_TOOLS {
        let answer = belt.load_asked(&wanted.input);
        return Verdict::Answer(wanted, answer);
    }
    if circles.repeats(&wanted, limits.repeats) {
        circles.caught = true;
        let text = "not run: this call gave the same answer several times; say what you know instead".to_owned();
        return Verdict::Answer(wanted, Err(text));
    }
    Verdict::Run(wanted)
}

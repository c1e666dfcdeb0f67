//! A conversation that is played: what a person says, what the model does about it, what must be true afterwards, and a twin in which it must not be.
//!
//! The model is strict: it uses a tool only when the request carried its schema and the arguments fit it, and says only facts that it was told.

use std::sync::{Arc, Mutex};

use aq_core::principal::Role;
use serde_json::{Map, Value, json};

use super::world::{Heard, World};
use crate::chat_models::requests::Asked;
use crate::chat_models::stub::{Reply, Stub};
use crate::chat_models::words::{Part, Wire};

/// What the model does in one answer.
#[derive(Clone, Debug)]
pub(super) enum Play {
    /// Uses tools. In the arguments `{/pointer}` is the newest fact at that place in what tools answered.
    Use(Vec<(&'static str, Value)>),
    /// Uses a tool that the request may not have carried: a model that makes things up.
    Forbidden(&'static str, Value),
    /// Says something, with facts in the same form.
    Say(&'static str),
}

/// One tool.
pub(super) fn tool(name: &'static str, arguments: Value) -> Play {
    Play::Use(vec![(name, arguments)])
}

/// What must be true.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// What an administrator reads with a tool has this value at a place.
    State(&'static str, Value, &'static str, Value),
    /// The answer contains a text.
    Answer(&'static str),
    /// A tool of the turn refused.
    Refused(&'static str),
}

/// How the twin differs.
#[derive(Clone, Debug)]
pub(super) enum Twin {
    /// The model leaves this answer out.
    Without(usize),
    /// Somebody else asks.
    As(Role),
    /// The model does something else there.
    Instead(usize, Play),
}

/// A conversation.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) active: &'static str,
    pub(super) says: &'static str,
    pub(super) plays: Vec<Play>,
    pub(super) wants: Vec<Want>,
    pub(super) twin: Twin,
}

/// `$A` and its like become the ids of the world, everywhere.
fn named(value: &Value, world: &World) -> Value {
    match value {
        Value::String(text) => Value::String(world.named(text)),
        Value::Array(entries) => entries.iter().map(|entry| named(entry, world)).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), named(value, world))).collect()),
        other => other.clone(),
    }
}

/// `{/pointer}` becomes the newest fact at that place.
fn told(text: &str, asked: &Asked) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{/") {
        let (pointer, behind) = after.split_once('}').ok_or("a fact without its end")?;
        let fact = asked.fact(&format!("/{pointer}")).ok_or_else(|| format!("nobody told /{pointer}"))?;
        out.push_str(before);
        out.push_str(fact.as_str().map_or_else(|| fact.to_string(), str::to_owned).as_str());
        rest = behind;
    }
    Ok(out + rest)
}

fn filled(value: &Value, asked: &Asked) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(told(text, asked)?),
        Value::Array(entries) => Value::Array(entries.iter().map(|entry| filled(entry, asked)).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let each = map.iter().map(|(key, value)| Ok::<_, String>((key.clone(), filled(value, asked)?)));
            Value::Object(each.collect::<Result<Map<_, _>, _>>()?)
        }
        other => other.clone(),
    })
}

/// Whether arguments fit the schema that the request carried, as far as a model can know: required ones are there, unknown ones are not.
fn fits(tool: &str, arguments: &Value, asked: &Asked) -> Result<(), String> {
    let schema = asked.tools.get(tool).ok_or_else(|| format!("the request carried no schema of {tool}"))?;
    let given = arguments.as_object().ok_or("arguments")?;
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !given.contains_key(required) {
            return Err(format!("{tool} wants {required}"));
        }
    }
    match given.keys().find(|key| schema["properties"].get(key.as_str()).is_none()) {
        Some(unknown) => Err(format!("{tool} knows no {unknown}: {}", schema["properties"])),
        None => Ok(()),
    }
}

fn played(play: &Play, asked: &Asked, world: &World) -> Result<Vec<Part>, String> {
    match play {
        Play::Say(text) => Ok(vec![Part::Text(told(&world.named(text), asked)?)]),
        Play::Forbidden(name, arguments) => Ok(vec![Part::tool(name, &filled(&named(arguments, world), asked)?)]),
        Play::Use(tools) => tools
            .iter()
            .map(|(name, arguments)| {
                let arguments = filled(&named(arguments, world), asked)?;
                fits(name, &arguments, asked)?;
                Ok(Part::tool(name, &arguments))
            })
            .collect(),
    }
}

/// Plays a conversation in a fresh world and says what is not as it must be.
pub(super) async fn play(conversation: &Conversation, wire: Wire) -> Result<(), String> {
    let world = World::start().await;
    let faults: Arc<Mutex<Vec<String>>> = Arc::default();
    let (plays, told, names) = (conversation.plays.clone(), Arc::clone(&faults), world.clone());
    let says = world.named(conversation.says);
    let wanted = format!("[from Ann]: {says}");
    let mut at = 0;
    let stub = Stub::start(wire, move |asked| {
        if asked.said != wanted {
            told.lock().unwrap().push(format!("it was asked {:?}", asked.said));
        }
        let play = plays.get(at).cloned().unwrap_or(Play::Say("I have nothing more to say."));
        at += 1;
        match played(&play, asked, &names) {
            Ok(parts) => Reply::Say(parts),
            Err(fault) => {
                told.lock().unwrap().push(fault.clone());
                Reply::Refuse(400, Vec::new(), json!({ "error": { "message": fault } }))
            }
        }
    })
    .await;
    let talker = world.talker(stub.model());
    let heard = talker.says(conversation.role, conversation.active, &says).await;
    stub.asked();
    if let Some(fault) = faults.lock().unwrap().first() {
        return Err(fault.clone());
    }
    let heard = heard.map_err(|status| status.message().to_owned())?;
    for want in &conversation.wants {
        holds(want, &world, &heard).await?;
    }
    Ok(())
}

async fn holds(want: &Want, world: &World, heard: &Heard) -> Result<(), String> {
    match want {
        Want::Answer(text) if heard.text.contains(&world.named(text)) => Ok(()),
        Want::Answer(text) => Err(format!("the answer {:?} does not contain {text:?}", heard.text)),
        Want::Refused(tool) if heard.failed.iter().any(|failed| failed == tool) => Ok(()),
        Want::Refused(tool) => Err(format!("{tool} did not refuse; {:?} did", heard.failed)),
        Want::State(tool, arguments, pointer, value) => {
            let answer = world.read(tool, named(arguments, world)).await?;
            let found = answer.pointer(pointer).cloned().unwrap_or(Value::Null);
            let value = named(value, world);
            if found == value { Ok(()) } else { Err(format!("{tool} tells {found} at {pointer} instead of {value}: {answer}")) }
        }
    }
}

/// The conversation with its twin's difference.
pub(super) fn twin(conversation: &Conversation) -> Conversation {
    let mut twin = conversation.clone();
    match &conversation.twin {
        Twin::Without(index) => drop(twin.plays.remove(*index)),
        Twin::As(role) => twin.role = *role,
        Twin::Instead(index, play) => twin.plays[*index] = play.clone(),
    }
    twin
}

/// Plays conversations on a wire; each must hold, and its twin must not.
pub(super) async fn all(conversations: &[Conversation], wire: Wire) {
    let mut offences = Vec::new();
    for conversation in conversations {
        if let Err(problem) = play(conversation, wire).await {
            offences.push(format!("{}: {problem}", conversation.name));
        }
        if play(&twin(conversation), wire).await.is_ok() {
            offences.push(format!("{}: the twin holds as well", conversation.name));
        }
    }
    assert!(offences.is_empty(), "{wire:?}\n{}", offences.join("\n"));
}

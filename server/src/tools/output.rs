//! `read_run_output`: a bounded part of a run's output, from the call that streams it.

use aq_core::principal::Principal;
use bytes::Bytes;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value as Wire};
use serde_json::{Map, Value, json};

use super::port::{Problem, Tool, ToolError};
use super::{answer, arguments};
use crate::api::Inside;

/// The tool's name.
pub(super) const NAME: &str = "read_run_output";
/// The call behind it.
pub(super) const PATH: &str = "/agentqueue.v1.RunService/StreamRunOutput";
/// Items of an answer without `limit`.
const USUAL: u64 = 50;
/// Most items of an answer.
const MOST: u64 = 500;

/// The tool, with the schema of the call's own request in `input`.
pub(super) fn tool(mut input: Value) -> Tool {
    if let Some(properties) = input.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("follow");
        properties.remove("first_run_number");
        let about = format!("Most items of the answer, 1 to {MOST}. Default {USUAL}.");
        properties.insert("limit".to_owned(), json!({ "type": "integer", "minimum": 1, "maximum": MOST, "description": about }));
    }
    Tool {
        name: NAME.to_owned(),
        description: "Reads what an agent said and did: items of the output of a task's newest run, or of the run that is named. Without \
                      `after_seq`, the last items. With it, those behind that item; go on with `next_after_seq` while `more` is true."
            .to_owned(),
        group: "run".to_owned(),
        core: false,
        mutates: false,
        input,
    }
}

/// Reads the items.
///
/// # Errors
/// As any tool.
pub(super) async fn read(inside: &Inside, caller: &Principal, method: &MethodDescriptor, given: Value) -> Result<Value, ToolError> {
    let mut given = match given {
        Value::Null => Map::new(),
        Value::Object(given) => given,
        other => return arguments::read(&method.input(), &other).map(|_| Value::Null).map_err(ToolError::Arguments),
    };
    let limit = limit(given.remove("limit"))?;
    for field in ["follow", "first_run_number"] {
        if given.remove(field).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
            let problem = "cannot be given here; read again for what is new".to_owned();
            return Err(ToolError::Arguments(vec![Problem { field: field.to_owned(), problem }]));
        }
    }
    if given.get("after_seq").is_none_or(Value::is_null) {
        given.entry("tail").or_insert_with(|| json!(limit));
    }
    let request = arguments::read(&method.input(), &Value::Object(given)).map_err(ToolError::Arguments)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    // One message more than items wanted tells whether there is more.
    let read = inside
        .stream(caller, PATH, prost::Message::encode_to_vec(&request), {
            let output = method.output();
            move |messages| count(&output, messages) > most
        })
        .await
        .map_err(ToolError::Refused)?;
    Ok(told(method, &read, most))
}

fn limit(given: Option<Value>) -> Result<u64, ToolError> {
    match given {
        None | Some(Value::Null) => Ok(USUAL),
        Some(value) => value.as_u64().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
            let problem = format!("must be a whole number from 1 to {MOST}");
            ToolError::Arguments(vec![Problem { field: "limit".to_owned(), problem }])
        }),
    }
}

/// The message, when it carries an item.
fn item(kind: &prost_reflect::MessageDescriptor, bytes: &Bytes) -> Option<(u32, DynamicMessage)> {
    let message = DynamicMessage::decode(kind.clone(), bytes.clone()).ok()?;
    let run = message.get_field_by_name("run_number").and_then(|run| run.as_u32()).unwrap_or(0);
    let field = kind.get_field_by_name("item").filter(|field| message.has_field(field))?;
    let item = message.get_field(&field).as_message().cloned()?;
    Some((run, item))
}

fn count(kind: &prost_reflect::MessageDescriptor, messages: &[Bytes]) -> usize {
    messages.iter().filter(|message| item(kind, message).is_some()).count()
}

fn told(method: &MethodDescriptor, messages: &[Bytes], most: usize) -> Value {
    let kind = method.output();
    let items: Vec<_> = messages.iter().filter_map(|message| item(&kind, message)).collect();
    let shown: Vec<Value> = items
        .iter()
        .take(most)
        .map(|(run, item)| {
            let mut entry = answer::told(item);
            if let Some(entry) = entry.as_object_mut() {
                entry.retain(|_, value| {
                    !matches!(value, Value::String(text) if text.is_empty()) && !matches!(value, Value::Array(list) if list.is_empty())
                });
                entry.insert("run_number".to_owned(), json!(run));
            }
            entry
        })
        .collect();
    let last = items.get(..most.min(items.len())).and_then(<[_]>::last);
    let seq = last.and_then(|(_, item)| item.get_field_by_name("seq").and_then(|seq| Wire::as_u64(&seq)));
    let run = last.map(|(run, _)| *run);
    json!({ "run_number": run, "items": shown, "next_after_seq": seq, "more": items.len() > most })
}

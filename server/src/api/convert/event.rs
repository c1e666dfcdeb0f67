//! Events.

use aq_core::event::Event;
use aq_proto::v1 as pb;
use serde_json::Value;

use super::words::timestamp;

/// Longest attribute, in bytes: an event is a hint, the thing itself is read with its own call.
const MAX_ATTRIBUTE: usize = 8 * 1024;

/// An event with its facts.
pub(in crate::api) fn event(event: &Event) -> pb::Event {
    let mut attributes = std::collections::HashMap::new();
    let mut actor = "server".to_owned();
    for (name, value) in event.payload.as_object().into_iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => continue,
            other => other.to_string(),
        };
        if name == "actor" {
            if text != "system" {
                actor = text;
            }
            continue;
        }
        // What people read in the catalogue as `to` is stored as the status that was reached.
        let name = if name == "status" && event.payload.get("from").is_some() { "to" } else { name };
        attributes.insert(name.to_owned(), cut(text));
    }
    pb::Event {
        seq: event.seq,
        time: Some(timestamp(event.at)),
        r#type: event.kind.as_str().to_owned(),
        project_id: event.project.as_ref().map(ToString::to_string).unwrap_or_default(),
        task_id: event.task.as_ref().map(ToString::to_string).unwrap_or_default(),
        run_number: event.run.unwrap_or(0),
        agent_id: event.agent.as_ref().map(ToString::to_string).unwrap_or_default(),
        actor,
        summary: summary(event, &attributes),
        attributes,
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_ATTRIBUTE {
        let end = (0..=MAX_ATTRIBUTE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The fact in one sentence: what the catalogue says, with whom and what it concerns.
fn summary(event: &Event, attributes: &std::collections::HashMap<String, String>) -> String {
    let sentence = event.kind.description().trim_end_matches('.');
    let of = |name: &str| attributes.get(name).filter(|text| !text.is_empty());
    let subject = match (&event.task, of("title"), of("name")) {
        (Some(task), Some(title), _) => format!(": {task} ({title})"),
        (Some(task), None, _) => format!(": {task}"),
        (None, _, Some(name)) => format!(": {name}"),
        (None, ..) => String::new(),
    };
    let more = ["question", "context", "reason", "text"].into_iter().find_map(of).map_or_else(String::new, |text| {
        let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
        format!(". {line}")
    });
    format!("{sentence}{subject}{more}")
}

//! The tools of an agent: where a tool asks for a task or a project and the agent names none, its own is meant.

use std::sync::Arc;

use aq_core::principal::{Principal, ProjectScope};
use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};

use super::port::Tool;

/// The fields that are filled in: name, camel-case name, and what a model is told of it.
const OWN: [(&str, &str, &str); 2] =
    [("task_id", "taskId", "The task. Default: your own."), ("project_id", "projectId", "The project. Default: that of your task.")];

/// What is the caller's own, if it is an agent.
fn own<'a>(caller: &'a Principal, field: &str) -> Option<&'a str> {
    let run = caller.run.as_ref()?;
    match (field, &caller.projects) {
        ("task_id", _) => Some(run.task.as_str()),
        ("project_id", ProjectScope::Only(projects)) => projects.first().filter(|_| projects.len() == 1).map(|project| project.as_str()),
        _ => None,
    }
}

/// The tool as the caller sees it.
pub(super) fn shown(caller: &Principal, tool: &Arc<Tool>) -> Arc<Tool> {
    if caller.run.is_none() {
        return Arc::clone(tool);
    }
    let mut seen = Tool::clone(tool);
    for (field, _, about) in OWN.into_iter().filter(|(field, ..)| own(caller, field).is_some()) {
        if let Some(shown) = seen.input.pointer_mut(&format!("/properties/{field}")).and_then(Value::as_object_mut) {
            shown.insert("description".to_owned(), json!(about));
        }
        if let Some(required) = seen.input.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| name != field);
        }
    }
    Arc::new(seen)
}

/// The arguments with what is the caller's own, where the tool asks for it and nothing is named.
pub(super) fn with_own(caller: &Principal, input: &MessageDescriptor, mut arguments: Value) -> Value {
    if caller.run.is_some() && arguments.is_null() {
        arguments = json!({});
    }
    let Some(given) = arguments.as_object_mut() else { return arguments };
    for (field, camel, _) in OWN.into_iter().filter(|(field, ..)| input.get_field_by_name(field).is_some()) {
        if let Some(value) = own(caller, field)
            && !given.contains_key(camel)
            && given.get(field).is_none_or(Value::is_null)
        {
            given.insert(field.to_owned(), json!(value));
        }
    }
    arguments
}

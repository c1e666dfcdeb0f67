//! The tools of an agent: where a tool asks for a task and the agent names none, its own is meant.

use std::sync::Arc;

use aq_core::principal::Principal;
use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};

use super::port::Tool;

/// The field that names the task.
const TASK: &str = "task_id";

/// The tool as the caller sees it.
pub(super) fn shown(caller: &Principal, tool: &Arc<Tool>) -> Arc<Tool> {
    if caller.run.is_none() || tool.input.pointer("/properties/task_id").is_none() {
        return Arc::clone(tool);
    }
    let mut own = Tool::clone(tool);
    if let Some(required) = own.input.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != TASK);
    }
    if let Some(field) = own.input.pointer_mut("/properties/task_id").and_then(Value::as_object_mut) {
        field.insert("description".to_owned(), json!("The task. Default: your own."));
    }
    Arc::new(own)
}

/// The arguments with the caller's own task, where the tool asks for one and none is named.
pub(super) fn with_task(caller: &Principal, input: &MessageDescriptor, mut arguments: Value) -> Value {
    let Some(run) = caller.run.as_ref().filter(|_| input.get_field_by_name(TASK).is_some()) else { return arguments };
    if arguments.is_null() {
        arguments = json!({});
    }
    if let Some(given) = arguments.as_object_mut()
        && !given.contains_key("taskId")
        && given.get(TASK).is_none_or(Value::is_null)
    {
        given.insert(TASK.to_owned(), json!(run.task.as_str()));
    }
    arguments
}

//! The JSON schema of a request, from its description and its comments.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::{Comments, LONGEST_ARGUMENT, shorten};
use super::{scalar, special};

/// Deepest nesting that is described; below it stands any object.
const DEEPEST: usize = 4;

/// The schema of a request.
pub(super) fn input(comments: &Comments, message: &MessageDescriptor) -> Value {
    object(comments, message, 0)
}

fn object(comments: &Comments, message: &MessageDescriptor, depth: usize) -> Value {
    let only = |resource: &FieldDescriptor| changeable(comments, message, resource);
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in message.fields().filter(|field| is_told(comments, field)) {
        if required_of(comments, &field) || only(&field).is_some() {
            required.push(field.name().to_owned());
        }
        let schema = match (only(&field), field.kind()) {
            (Some(fields), Kind::Message(resource)) => changes(comments, &resource, &fields, depth),
            _ => of_field(comments, &field, depth),
        };
        properties.insert(field.name().to_owned(), schema);
    }
    closed(properties, required)
}

fn closed(properties: Map<String, Value>, required: Vec<String>) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    Value::Object(schema)
}

/// The resource of an update: its id, and the fields that the mask's comment allows.
fn changes(comments: &Comments, resource: &MessageDescriptor, allowed: &[String], depth: usize) -> Value {
    let mut properties = Map::new();
    for field in resource.fields() {
        let schema = of_field(comments, &field, depth + 1);
        if field.name() == "id" {
            properties.insert("id".to_owned(), schema);
        } else if allowed.iter().any(|name| name == field.name()) {
            properties.insert(field.name().to_owned(), nullable(schema));
        }
    }
    let mut schema = closed(properties, vec!["id".to_owned()]);
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), json!("The id, and the fields that change. A field that is null is cleared; others stay."));
    }
    schema
}

/// The same, or null.
fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema
}

/// The fields that an update of `resource` may name; `None` when the field is not the resource of an update.
fn changeable(comments: &Comments, request: &MessageDescriptor, resource: &FieldDescriptor) -> Option<Vec<String>> {
    let mask = request.get_field_by_name("update_mask")?;
    if !matches!(resource.kind(), Kind::Message(_)) || resource.name() == "update_mask" {
        return None;
    }
    let named = comments.raw(&mask.parent_message().parent_file(), mask.path()).split('`').skip(1).step_by(2);
    Some(named.map(str::to_owned).collect())
}

/// True when a model is told of the field. The server fills in the rest, or only answers with it.
fn is_told(comments: &Comments, field: &FieldDescriptor) -> bool {
    let comment = comments.raw(&field.parent_message().parent_file(), field.path());
    !matches!(field.name(), "request_id" | "update_mask") && !comment.starts_with("Output only.")
}

/// The contract marks a field that must be given with a sentence of one word.
fn required_of(comments: &Comments, field: &FieldDescriptor) -> bool {
    comments.raw(&field.parent_message().parent_file(), field.path()).split_inclusive(". ").any(|sentence| sentence.trim() == "Required.")
}

fn of_field(comments: &Comments, field: &FieldDescriptor, depth: usize) -> Value {
    let mut schema = match (field.is_map(), field.is_list()) {
        (true, _) => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        (_, true) => json!({ "type": "array", "items": of_kind(comments, field, depth) }),
        _ => of_kind(comments, field, depth),
    };
    let mut about = comments.told(&field.parent_message().parent_file(), field.path(), LONGEST_ARGUMENT);
    if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
        let others: Vec<_> = oneof.fields().map(|field| format!("`{}`", field.name())).collect();
        about = shorten(&format!("{about} Give one of {}.", others.join(", ")), LONGEST_ARGUMENT);
    }
    if let Some(object) = schema.as_object_mut().filter(|_| !about.is_empty()) {
        object.insert("description".to_owned(), json!(about));
    }
    schema
}

fn of_kind(comments: &Comments, field: &FieldDescriptor, depth: usize) -> Value {
    match field.kind() {
        Kind::String | Kind::Bytes => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Double | Kind::Float => json!({ "type": "number" }),
        Kind::Enum(values) => json!({ "type": "string", "enum": scalar::words(&values) }),
        Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => json!({ "type": "integer", "minimum": 0 }),
        Kind::Int32 | Kind::Int64 | Kind::Sint32 | Kind::Sint64 | Kind::Sfixed32 | Kind::Sfixed64 => json!({ "type": "integer" }),
        Kind::Message(message) => match special::Special::of(&message) {
            Some(special) => special.schema(),
            None if depth >= DEEPEST => json!({ "type": "object" }),
            None => object(comments, &message, depth + 1),
        },
    }
}

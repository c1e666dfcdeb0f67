//! Answers of the contract as a model reads them: short names, no empty fields, long texts cut visibly.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value as Wire};
use serde_json::{Map, Value, json};

use super::scalar;
use super::special::Special;

/// Longest text of an answer, in bytes.
const LONGEST: usize = 32 * 1024;

/// The answer. What is missing is empty, 0 or false; only at the top of an answer that is no resource, lists, numbers and truths are told all the same:
/// an empty list is an answer.
pub(super) fn told(message: &DynamicMessage) -> Value {
    object(message, message.descriptor().name().ends_with("Response"))
}

fn object(message: &DynamicMessage, whole: bool) -> Value {
    let mut made = Map::new();
    for field in message.descriptor().fields() {
        if message.has_field(&field) || (whole && counts(&field)) {
            made.insert(field.name().to_owned(), of_field(&field, &message.get_field(&field)));
        }
    }
    Value::Object(made)
}

/// True for a field whose emptiness says something.
fn counts(field: &FieldDescriptor) -> bool {
    field.is_list() || (!field.supports_presence() && !matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Enum(_)))
}

fn of_field(field: &FieldDescriptor, value: &Wire) -> Value {
    match value {
        Wire::List(entries) => Value::Array(entries.iter().map(|entry| single(field, entry)).collect()),
        Wire::Map(entries) => {
            let name = |key: &MapKey| key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
            Value::Object(entries.iter().map(|(key, value)| (name(key), plain(value))).collect())
        }
        one => single(field, one),
    }
}

fn single(field: &FieldDescriptor, value: &Wire) -> Value {
    match (field.kind(), value) {
        (Kind::Enum(values), Wire::EnumNumber(number)) => match values.get_value(*number) {
            Some(known) => json!(scalar::word(&values, known.name())),
            None => json!(number),
        },
        (Kind::Message(kind), Wire::Message(message)) => match Special::of(&kind) {
            Some(special) => special.told(message),
            None => object(message, false),
        },
        (_, value) => plain(value),
    }
}

fn plain(value: &Wire) -> Value {
    match value {
        Wire::Bool(value) => json!(value),
        Wire::I32(value) | Wire::EnumNumber(value) => json!(value),
        Wire::I64(value) => json!(value),
        Wire::U32(value) => json!(value),
        Wire::U64(value) => json!(value),
        Wire::F32(value) => json!(value),
        Wire::F64(value) => json!(value),
        Wire::String(text) => json!(clipped(text)),
        Wire::Bytes(bytes) => json!(clipped(&String::from_utf8_lossy(bytes))),
        Wire::Message(message) => object(message, false),
        Wire::List(entries) => Value::Array(entries.iter().map(plain).collect()),
        Wire::Map(_) => Value::Null,
    }
}

/// The beginning of a long text, with a note of what is missing.
fn clipped(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let beginning = text.get(..end).unwrap_or_default();
    format!("{beginning}\n… ({} more bytes)", text.len() - end)
}

//! What a model wrote, as a request of the contract. Every wrong argument is named at once.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value as Wire};
use serde_json::{Map, Value};

use super::port::Problem;
use super::scalar::{self, kind_of};
use super::special::Special;

/// Most problems that are told.
const MOST_PROBLEMS: usize = 20;
/// Deepest nesting that is read.
const DEEPEST: usize = 16;

/// The request that `arguments` mean. An update without a mask changes what was given; a mutation without `request_id` gets one.
///
/// # Errors
/// Everything that is wrong, at least one problem.
pub(super) fn read(request: &MessageDescriptor, arguments: &Value) -> Result<DynamicMessage, Vec<Problem>> {
    let empty = Map::new();
    let object = match arguments {
        Value::Null => &empty,
        Value::Object(object) => object,
        other => return Err(vec![problem("", format!("the arguments must be an object, not {}", kind_of(other)))]),
    };
    let mut reader = Reader { problems: Vec::new() };
    let mut made = reader.message(request, object, "", 0);
    if !reader.problems.is_empty() {
        reader.problems.truncate(MOST_PROBLEMS);
        return Err(reader.problems);
    }
    if let Some(mask) = request.get_field_by_name("update_mask").filter(|mask| !made.has_field(mask)) {
        made.set_field(&mask, Wire::Message(mask_of(request, &mask, object)));
    }
    if let Some(id) = request.get_field_by_name("request_id").filter(|id| !made.has_field(id)) {
        made.set_field(&id, Wire::String(uuid::Uuid::now_v7().to_string()));
    }
    Ok(made)
}

fn problem(field: impl Into<String>, problem: impl Into<String>) -> Problem {
    Problem { field: field.into(), problem: problem.into() }
}

/// The mask of an update: the fields given for the resource, but for its id. Fields of a part are named one by one, so that the rest of the part stays.
fn mask_of(request: &MessageDescriptor, mask: &FieldDescriptor, given: &Map<String, Value>) -> DynamicMessage {
    let mut paths = Vec::new();
    for field in request.fields().filter(|field| field.number() != mask.number()) {
        let (Kind::Message(resource), Some(Value::Object(values))) = (field.kind(), value_of(&field, given)) else { continue };
        for changed in resource.fields().filter(|changed| changed.name() != "id") {
            match (value_of(&changed, values), changed.kind()) {
                (None, _) => {}
                (Some(Value::Object(parts)), Kind::Message(part))
                    if Special::of(&part).is_none() && !changed.is_list() && !changed.is_map() =>
                {
                    let named = part.fields().filter(|inner| value_of(inner, parts).is_some());
                    paths.extend(named.map(|inner| format!("{}.{}", changed.name(), inner.name())));
                }
                (Some(_), _) => paths.push(changed.name().to_owned()),
            }
        }
    }
    let Kind::Message(kind) = mask.kind() else { return DynamicMessage::new(request.clone()) };
    let mut made = DynamicMessage::new(kind);
    made.set_field_by_number(1, Wire::List(paths.into_iter().map(Wire::String).collect()));
    made
}

/// What was given for a field, under its own name or its camel-case one.
fn value_of<'a>(field: &FieldDescriptor, given: &'a Map<String, Value>) -> Option<&'a Value> {
    given.get(field.name()).or_else(|| given.get(field.json_name()))
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn message(&mut self, kind: &MessageDescriptor, given: &Map<String, Value>, at: &str, depth: usize) -> DynamicMessage {
        let mut made = DynamicMessage::new(kind.clone());
        if depth > DEEPEST {
            self.problems.push(problem(at, "is nested too deeply"));
            return made;
        }
        let mut chosen: HashMap<String, String> = HashMap::new();
        for (name, value) in given {
            let path = join(at, name);
            let known = kind.get_field_by_name(name).or_else(|| kind.get_field_by_json_name(name));
            let Some(field) = known else {
                self.problems.push(problem(path, unknown(kind, name)));
                continue;
            };
            if value.is_null() {
                continue;
            }
            if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
                && let Some(other) = chosen.insert(oneof.name().to_owned(), name.clone())
            {
                self.problems.push(problem(path, format!("cannot stand beside `{other}`; give one of them")));
                continue;
            }
            if let Some(value) = self.field(&field, value, &path, depth) {
                made.set_field(&field, value);
            }
        }
        made
    }

    fn field(&mut self, field: &FieldDescriptor, value: &Value, at: &str, depth: usize) -> Option<Wire> {
        let parsed = written_out(field, value);
        let value = parsed.as_ref().unwrap_or(value);
        if field.is_map() {
            return self.map(value, at);
        }
        if !field.is_list() {
            return self.single(field, value, at, depth);
        }
        let entries = match value {
            Value::Array(entries) => entries.as_slice(),
            Value::Null => &[],
            // One entry without its list means the list of it.
            one => std::slice::from_ref(one),
        };
        let read = entries.iter().enumerate().filter_map(|(index, entry)| self.single(field, entry, &format!("{at}[{index}]"), depth));
        Some(Wire::List(read.collect()))
    }

    fn single(&mut self, field: &FieldDescriptor, value: &Value, at: &str, depth: usize) -> Option<Wire> {
        let read = match (field.kind(), value) {
            (Kind::Message(kind), value) if Special::of(&kind).is_some() => {
                Special::of(&kind).map_or_else(|| Err(String::new()), |special| special.read(&kind, value)).map(Wire::Message)
            }
            (Kind::Message(kind), Value::Object(object)) => Ok(Wire::Message(self.message(&kind, object, at, depth + 1))),
            _ => scalar::read(field, value),
        };
        read.map_err(|text| self.problems.push(problem(at, text))).ok()
    }

    fn map(&mut self, value: &Value, at: &str) -> Option<Wire> {
        let Value::Object(entries) = value else {
            self.problems.push(problem(at, format!("must be an object of texts, not {}", kind_of(value))));
            return None;
        };
        let mut made = HashMap::new();
        for (name, value) in entries {
            match value {
                Value::String(text) => {
                    made.insert(MapKey::String(name.clone()), Wire::String(text.clone()));
                }
                other => self.problems.push(problem(join(at, name), format!("must be a text, not {}", kind_of(other)))),
            }
        }
        Some(Wire::Map(made))
    }
}

/// A list or an object that was written as text once more, as some models do.
fn written_out(field: &FieldDescriptor, value: &Value) -> Option<Value> {
    let structured = field.is_list() || field.is_map() || matches!(field.kind(), Kind::Message(kind) if Special::of(&kind).is_none());
    let text = value.as_str().map(str::trim).filter(|text| structured && (text.starts_with('[') || text.starts_with('{')))?;
    serde_json::from_str(text).ok()
}

fn join(at: &str, name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    if at.is_empty() { name } else { format!("{at}.{name}") }
}

/// What is wrong with a name that the message does not have.
fn unknown(kind: &MessageDescriptor, name: &str) -> String {
    let fields: Vec<String> = kind.fields().map(|field| field.name().to_owned()).filter(|name| name != "request_id").collect();
    let name = name.to_ascii_lowercase();
    let whole = |field: &&String| field.split('_').any(|part| part == name) || name.split('_').any(|part| part == field.as_str());
    let close = |field: &&String| strsim::damerau_levenshtein(&name, field) <= 2;
    match fields.iter().find(close).or_else(|| fields.iter().find(whole)) {
        Some(near) => format!("is not known; did you mean `{near}`?"),
        None if fields.is_empty() => "is not known; the tool takes no arguments".to_owned(),
        None => format!("is not known; there are {}", fields.join(", ")),
    }
}

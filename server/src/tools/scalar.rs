//! Single values: what a model wrote, as what the contract wants. Generous where the meaning is beyond doubt, else told what would be right.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, Value as Wire};
use serde_json::Value;

/// Words that models write for "nothing"; never an id.
const NOTHING: [&str; 5] = ["null", "none", "nil", "undefined", "n/a"];

/// Longest part of a wrong value that is repeated, in characters.
const SHOWN: usize = 60;

/// What kind of value a JSON value is, with its article.
pub(super) const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The value of a field that is neither a message nor a map.
///
/// # Errors
/// What is wrong and what would be right, to stand behind the field's name.
pub(super) fn read(field: &FieldDescriptor, value: &Value) -> Result<Wire, String> {
    match field.kind() {
        Kind::String => text(field, value).map(Wire::String),
        Kind::Bytes => text(field, value).map(|text| Wire::Bytes(text.into_bytes().into())),
        Kind::Bool => truth(value).map(Wire::Bool),
        Kind::Double => real(value).map(Wire::F64),
        Kind::Float => real(value).map(|number| {
            #[expect(clippy::cast_possible_truncation, reason = "the contract asks for less precision")]
            let number = number as f32;
            Wire::F32(number)
        }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => whole(value, i32::MIN, i32::MAX).map(Wire::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => whole(value, i64::MIN, i64::MAX).map(Wire::I64),
        Kind::Uint32 | Kind::Fixed32 => whole(value, u32::MIN, u32::MAX).map(Wire::U32),
        Kind::Uint64 | Kind::Fixed64 => whole(value, u64::MIN, u64::MAX).map(Wire::U64),
        Kind::Enum(values) => member(&values, value).map(Wire::EnumNumber),
        Kind::Message(_) => Err(format!("must be an object, not {}", kind_of(value))),
    }
}

/// The values of an enumeration as they are told: without what all of them begin with, and without the one that says "not given".
pub(super) fn words(values: &EnumDescriptor) -> Vec<String> {
    values.values().filter(|value| value.number() != 0).map(|value| word(values, value.name())).collect()
}

/// One value as it is told.
pub(super) fn word(values: &EnumDescriptor, name: &str) -> String {
    let prefix = format!("{}_", super::groups::snake(values.name()).to_ascii_uppercase());
    name.strip_prefix(&prefix).unwrap_or(name).to_owned()
}

/// True when the field holds ids, in which the words for "nothing" are a mistake.
fn holds_ids(field: &FieldDescriptor) -> bool {
    let name = field.name();
    matches!(name, "id" | "kid" | "after") || name.ends_with("_id") || name.ends_with("_ids")
}

fn text(field: &FieldDescriptor, value: &Value) -> Result<String, String> {
    let Value::String(text) = value else { return Err(format!("must be a text, not {}", kind_of(value))) };
    if holds_ids(field) && NOTHING.iter().any(|word| text.trim().eq_ignore_ascii_case(word)) {
        return Err(format!("is the word `{}`, which is no id; leave it out when there is none", text.trim()));
    }
    Ok(text.clone())
}

fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(format!("must be true or false, not {}", shown(other))),
    }
}

fn real(value: &Value) -> Result<f64, String> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f64| number.is_finite()).ok_or_else(|| format!("must be a number, not {}", shown(value)))
}

fn whole<N>(value: &Value, least: N, most: N) -> Result<N, String>
where
    N: TryFrom<i128> + Into<i128> + Copy + std::fmt::Display,
{
    let wanted: Option<i128> = match value {
        Value::Number(number) => {
            let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            exact.or_else(|| number.as_f64().and_then(integral))
        }
        // A number in quotation marks can mean nothing else.
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let fits = wanted.filter(|number| (least.into()..=most.into()).contains(number)).and_then(|number| N::try_from(number).ok());
    fits.ok_or_else(|| format!("must be a whole number from {least} to {most}, not {}", shown(value)))
}

/// The whole number that a float stands for, when it stands for one exactly.
fn integral(number: f64) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return None;
    }
    format!("{number:.0}").parse().ok()
}

fn member(values: &EnumDescriptor, value: &Value) -> Result<i32, String> {
    let choices = || words(values).join(", ");
    let Value::String(text) = value else { return Err(format!("must be one of {}, not {}", choices(), shown(value))) };
    let wanted = text.trim().to_ascii_uppercase().replace([' ', '-'], "_");
    let found = values.values().find(|known| known.name() == wanted || word(values, known.name()) == wanted);
    match found {
        Some(known) => Ok(known.number()),
        None => Err(format!("is {}; it must be one of {}", shown(value), choices())),
    }
}

/// A wrong value, cut when it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let beginning: String = text.chars().take(SHOWN).collect();
    if beginning.len() < text.len() { format!("`{beginning}…`") } else { format!("`{text}`") }
}

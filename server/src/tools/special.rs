//! The well-known messages that have a form of their own in JSON: instants, lengths of time, field masks.

use prost_reflect::{DynamicMessage, MessageDescriptor, Value as Wire};
use serde_json::{Value, json};

/// A message that is no object in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// `google.protobuf.Timestamp`: RFC 3339.
    Instant,
    /// `google.protobuf.Duration`: like `90s` or `2h 30m`.
    Length,
    /// `google.protobuf.FieldMask`: a list of paths.
    Mask,
}

impl Special {
    pub(super) fn of(message: &MessageDescriptor) -> Option<Self> {
        match message.full_name() {
            "google.protobuf.Timestamp" => Some(Self::Instant),
            "google.protobuf.Duration" => Some(Self::Length),
            "google.protobuf.FieldMask" => Some(Self::Mask),
            _ => None,
        }
    }

    pub(super) fn schema(self) -> Value {
        match self {
            Self::Instant => json!({ "type": "string", "format": "date-time" }),
            Self::Length => json!({ "type": "string", "examples": ["90s", "2h 30m"] }),
            Self::Mask => json!({ "type": "array", "items": { "type": "string" } }),
        }
    }

    /// The message that `value` means.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub(super) fn read(self, message: &MessageDescriptor, value: &Value) -> Result<DynamicMessage, String> {
        let mut made = DynamicMessage::new(message.clone());
        match self {
            Self::Instant => {
                let text = value.as_str().ok_or("must be an instant as text, for example 2026-01-31T12:00:00Z")?;
                let instant: jiff::Timestamp = text
                    .trim()
                    .parse()
                    .map_err(|_| "is not an instant; give date, time and zone, for example 2026-01-31T12:00:00Z".to_owned())?;
                put(&mut made, instant.as_second(), instant.subsec_nanosecond());
            }
            Self::Length => {
                let length = length(value)?;
                let seconds = i64::try_from(length.as_secs()).map_err(|_| "is too long".to_owned())?;
                put(&mut made, seconds, i32::try_from(length.subsec_nanos()).unwrap_or(0));
            }
            Self::Mask => {
                let wrong = "must be a list of field names, for example [\"title\"]";
                let paths: Vec<Wire> = match value {
                    Value::String(text) => text.split(',').map(|path| Wire::String(path.trim().to_owned())).collect(),
                    Value::Array(paths) => {
                        let path = |path: &Value| path.as_str().map(|path| Wire::String(path.to_owned())).ok_or(wrong);
                        paths.iter().map(path).collect::<Result<_, _>>()?
                    }
                    _ => return Err(wrong.to_owned()),
                };
                made.set_field_by_number(1, Wire::List(paths));
            }
        }
        Ok(made)
    }

    /// The message as it is told.
    pub(super) fn told(self, message: &DynamicMessage) -> Value {
        let number = |at: u32| {
            message.get_field_by_number(at).and_then(|value| value.as_i64().or_else(|| value.as_i32().map(i64::from))).unwrap_or(0)
        };
        match self {
            Self::Instant => match jiff::Timestamp::new(number(1), i32::try_from(number(2)).unwrap_or(0)) {
                Ok(instant) => json!(instant.to_string()),
                Err(_) => Value::Null,
            },
            Self::Length => {
                let (seconds, nanos) = (u64::try_from(number(1)).unwrap_or(0), u32::try_from(number(2)).unwrap_or(0));
                json!(humantime::format_duration(std::time::Duration::new(seconds, nanos)).to_string())
            }
            Self::Mask => {
                let paths = message.get_field_by_number(1);
                let paths = paths.as_ref().and_then(|paths| paths.as_list()).unwrap_or_default();
                json!(paths.iter().filter_map(Wire::as_str).collect::<Vec<_>>())
            }
        }
    }
}

fn put(message: &mut DynamicMessage, seconds: i64, nanos: i32) {
    message.set_field_by_number(1, Wire::I64(seconds));
    message.set_field_by_number(2, Wire::I32(nanos));
}

/// A length as words with units; a bare number counts seconds.
fn length(value: &Value) -> Result<std::time::Duration, String> {
    let wrong = || "is not a length of time; give a number with a unit, for example 90s or 2h 30m".to_owned();
    match value {
        Value::Number(number) => number.as_f64().and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok()).ok_or_else(wrong),
        Value::String(text) => humantime::parse_duration(text.trim()).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

//! The one file that knows YAML: text to a plain tree of nodes, and a serialisable value back to text.
//!
//! The rest of the configuration works on [`Node`], so replacing the YAML library touches this file only.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// Largest document accepted, in bytes. A configuration is a page; anything larger is a mistake or an attack.
pub const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction.
    Float(f64),
    /// Text; `private` when it came out of the environment and must not be quoted in messages (F-039).
    Text {
        /// The text.
        text: String,
        /// Whether it must not be shown.
        private: bool,
    },
    /// A sequence.
    List(Vec<Self>),
    /// A mapping; keys are read as text.
    Map(BTreeMap<String, Self>),
}

impl Node {
    pub(super) const fn text(text: String, private: bool) -> Self {
        Self::Text { text, private }
    }

    /// What kind of value this is, in words for a message.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text { .. } => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Why a text is not a document.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    /// Over [`MAX_DOCUMENT_BYTES`].
    #[error("the document has {0} bytes; at most {MAX_DOCUMENT_BYTES} are read")]
    TooLarge(usize),
    /// Not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
}

/// Reads a document. Empty text is an empty mapping.
pub(super) fn parse(text: &str) -> Result<Node, DocumentError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge(text.len()));
    }
    let value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| DocumentError::Syntax(error.to_string()))?;
    match node(value) {
        Node::Null => Ok(Node::Map(BTreeMap::new())),
        other => Ok(other),
    }
}

fn node(value: serde_yaml::Value) -> Node {
    match value {
        serde_yaml::Value::Null => Node::Null,
        serde_yaml::Value::Bool(value) => Node::Bool(value),
        serde_yaml::Value::Number(number) => number_node(&number),
        serde_yaml::Value::String(text) => Node::text(text, false),
        serde_yaml::Value::Sequence(items) => Node::List(items.into_iter().map(node).collect()),
        serde_yaml::Value::Mapping(entries) => Node::Map(entries.into_iter().map(|(key, value)| (key_text(key), node(value))).collect()),
        serde_yaml::Value::Tagged(tagged) => node(tagged.value),
    }
}

fn number_node(number: &serde_yaml::Number) -> Node {
    if let Some(value) = number.as_i64() {
        Node::Integer(i128::from(value))
    } else if let Some(value) = number.as_u64() {
        Node::Integer(i128::from(value))
    } else {
        Node::Float(number.as_f64().unwrap_or(f64::NAN))
    }
}

fn key_text(key: serde_yaml::Value) -> String {
    match key {
        serde_yaml::Value::String(text) => text,
        serde_yaml::Value::Bool(value) => value.to_string(),
        serde_yaml::Value::Number(number) => number.to_string(),
        serde_yaml::Value::Null => "null".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Reads a short YAML text as a plain value, for documents that are no configuration.
///
/// # Errors
/// One sentence with the place in the text.
pub fn yaml_value(text: &str) -> Result<serde_json::Value, String> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge(text.len()).to_string());
    }
    serde_yaml::from_str(text).map_err(|error| DocumentError::Syntax(error.to_string()).to_string())
}

/// Writes a value as YAML text.
///
/// # Errors
/// When the value cannot be written, which no type of ours causes.
pub(super) fn render<T: Serialize>(value: &T) -> Result<String, String> {
    serde_yaml::to_string(value).map_err(|error| error.to_string())
}

/// Serialises a duration as whole seconds, the unit of every `_seconds` key.
pub(super) fn seconds<S: Serializer>(duration: &std::time::Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

/// Serialises anything that prints as the text it prints.
pub(super) fn display<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Serialises an optional printable value as its text or null.
pub(super) fn optional_display<T: std::fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// config R1: an empty file, and one of comments only, is an empty mapping.
    #[test]
    fn empty_text_is_an_empty_mapping() {
        for text in ["", "\n", "# only a comment\n", "null"] {
            assert_eq!(parse(text).unwrap(), Node::Map(BTreeMap::new()), "{text:?}");
        }
    }

    /// config R1: a document over the cap is refused before it is parsed.
    #[test]
    fn a_huge_document_is_refused() {
        let text = "a".repeat(MAX_DOCUMENT_BYTES + 1);
        assert!(matches!(parse(&text), Err(DocumentError::TooLarge(_))));
    }

    /// config R1: nested aliases do not blow up the memory.
    #[test]
    fn an_alias_bomb_is_refused() {
        let first = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        let levels = "abcdefghij".chars().zip("bcdefghijk".chars());
        let rest = levels.map(|(previous, next)| format!("{next}: &{next} [{}]\n", vec![format!("*{previous}"); 9].join(",")));
        let text: String = std::iter::once(first).chain(rest).collect();
        assert!(matches!(parse(&text), Err(DocumentError::Syntax(_))));
    }
}

//! Forms and addresses that MCP servers ask a person about (codex R5).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::{OutputBody, Question, QuestionKind};
use serde_json::{Value, json};

use super::choices::{ALLOW, ALLOW_ALWAYS, DENY, option, part};
use super::state::{Ask, Asked, OpenRequest};
use crate::runtimes::clip::clip;
use crate::runtimes::json::{list, text};

/// Opens an elicitation: a form with a question for each field, or a yes or no when there is nothing to fill in.
pub(super) fn open(name: &str, params: &Value) -> (OpenRequest, Vec<OutputBody>) {
    let server = text(params, "/serverName");
    let message = text(params, "/message");
    let fields = params.pointer("/requestedSchema/properties").and_then(Value::as_object).filter(|fields| !fields.is_empty());
    let mut open = OpenRequest { ask: Ask::Form, ..OpenRequest::default() };
    let Some(fields) = fields else {
        let address = text(params, "/url");
        let words = if address.is_empty() { message.to_owned() } else { format!("{message}\n{address}") };
        let mut choices = vec![(ALLOW.to_owned(), json!({}))];
        if list(params, "/_meta/persist").iter().any(|persist| persist == "session") {
            choices.push((ALLOW_ALWAYS.to_owned(), json!({"persist": "session"})));
        }
        choices.push((DENY.to_owned(), Value::Null));
        let options = choices.iter().map(|(label, _)| option(label, "")).collect();
        open.questions.push(Asked { choices, ..Asked::default() });
        let question = Question {
            request_id: name.to_owned(),
            kind: QuestionKind::Permission,
            text: clip(&format!("The MCP server {server} asks: {words}")),
            tool: format!("mcp__{server}"),
            detail: clip(&params.get("_meta").filter(|meta| !meta.is_null()).map(ToString::to_string).unwrap_or_default()),
            options,
        };
        return (open, vec![OutputBody::Question(question)]);
    };
    let several = fields.len() > 1;
    let mut items = Vec::new();
    for (at, (id, schema)) in fields.iter().enumerate() {
        let choices = choices(schema);
        let title = [text(schema, "/title"), id].into_iter().find(|title| !title.is_empty()).unwrap_or_default();
        let wants = [text(schema, "/description"), title].into_iter().find(|words| !words.is_empty()).unwrap_or_default();
        items.push(OutputBody::Question(Question {
            request_id: part(name, at, several),
            kind: QuestionKind::Question,
            text: clip(&format!("The MCP server {server} asks: {message}\n{wants}")),
            tool: String::new(),
            detail: String::new(),
            options: choices.iter().map(|(label, _)| option(label, "")).collect(),
        }));
        open.questions.push(Asked { id: id.clone(), choices, kind: text(schema, "/type").to_owned(), ..Asked::default() });
    }
    (open, items)
}

/// What can be chosen in a field: the label shown and the value told.
fn choices(schema: &Value) -> Vec<(String, Value)> {
    if text(schema, "/type") == "boolean" {
        return vec![("yes".to_owned(), json!(true)), ("no".to_owned(), json!(false))];
    }
    let titled = list(schema, "/oneOf").iter().chain(list(schema, "/items/anyOf"));
    let titled: Vec<_> = titled.map(|choice| (text(choice, "/title").to_owned(), json!(text(choice, "/const")))).collect();
    if !titled.is_empty() {
        return titled;
    }
    let names = list(schema, "/enumNames");
    let values = list(schema, "/enum").iter().chain(list(schema, "/items/enum")).filter_map(Value::as_str);
    let label = |at: usize, value: &str| names.get(at).and_then(Value::as_str).unwrap_or(value).to_owned();
    values.enumerate().map(|(at, value)| (label(at, value), json!(value))).collect()
}

/// The value that a text means in a field of the type `kind`; a text that is none stays a text, and the server says what is wrong.
pub(super) fn value(kind: &str, words: &str) -> Value {
    let number = || words.parse::<serde_json::Number>().ok().map(Value::Number);
    match kind {
        "number" | "integer" => number().unwrap_or_else(|| json!(words)),
        _ => json!(words),
    }
}

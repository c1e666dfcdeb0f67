//! Requests of Codex that wait for a person (codex R5).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::output::{OutputBody, Question, QuestionKind};
use serde_json::{Value, json};

use super::choices::{ALLOW, ALLOW_ALWAYS, DENY, STOP, option, part};
use super::state::{Ask, Asked, OpenRequest, State};
use super::{forms, items};
use crate::runtimes::clip::{clip, first_line};
use crate::runtimes::json::{list, text};

/// How much of an answer the closing item shows, in bytes.
const ANSWER_BYTES: usize = 300;

/// Our name for the request `id` of this process.
pub(super) fn name(state: &State, id: &Value) -> String {
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    if state.launch == 0 { format!("ask-{id}") } else { format!("ask-{}.{id}", state.launch) }
}

/// Opens a request and gives the questions that it consists of; `None` when it is not one for a person.
pub(super) fn ask(state: &mut State, name: &str, method: &str, id: &Value, params: &Value) -> Option<Vec<OutputBody>> {
    let reason = text(params, "/reason");
    let (mut open, items) = match method {
        "item/commandExecution/requestApproval" => {
            let command = items::command(params);
            let mut detail = json!({"command": text(params, "/command"), "cwd": text(params, "/cwd")});
            if let (Some(fields), Some(network)) = (detail.as_object_mut(), params.get("networkApprovalContext")) {
                fields.insert("network".to_owned(), network.clone());
            }
            let wants = if command.is_empty() {
                "May the network be used?".to_owned()
            } else {
                format!("May this command run? {}", first_line(&command, 300))
            };
            decision(name, "shell", &with_reason(&wants, reason), &detail.to_string(), command_choices(params))
        }
        "item/fileChange/requestApproval" => {
            let changes = state.calls.get(text(params, "/itemId")).cloned().unwrap_or_default();
            let wants = match text(params, "/grantRoot") {
                "" => "May these files be changed?".to_owned(),
                root => format!("May files below {root} be changed?"),
            };
            let choices = [(ALLOW, "accept"), (ALLOW_ALWAYS, "acceptForSession"), (DENY, "decline"), (STOP, "cancel")];
            decision(name, "apply_patch", &with_reason(&wants, reason), &changes, plain_choices(&choices))
        }
        "item/permissions/requestApproval" => {
            let permissions = params.get("permissions").cloned().unwrap_or_default();
            let choices = plain_choices(&[(ALLOW, "turn"), (ALLOW_ALWAYS, "session"), (DENY, "decline")]);
            let words = with_reason("May the agent reach more than its sandbox allows?", reason);
            let (mut open, items) = decision(name, "request_permissions", &words, &permissions.to_string(), choices);
            (open.ask, open.permissions) = (Ask::Grant, permissions);
            (open, items)
        }
        "item/tool/requestUserInput" => inquiry(name, params),
        "mcpServer/elicitation/request" => forms::open(name, params),
        _ => return None,
    };
    open.id = id.clone();
    state.open.insert(name.to_owned(), open);
    Some(items)
}

fn with_reason(wants: &str, reason: &str) -> String {
    clip(&if reason.trim().is_empty() { wants.to_owned() } else { format!("{wants}\n{}", reason.trim()) })
}

fn plain_choices(choices: &[(&str, &str)]) -> Vec<(String, Value)> {
    choices.iter().map(|(label, decision)| ((*label).to_owned(), json!(decision))).collect()
}

/// The choices that the request itself offers, and that to refuse, which it leaves out although it takes it.
fn command_choices(params: &Value) -> Vec<(String, Value)> {
    let mut choices = vec![(ALLOW.to_owned(), json!("accept"))];
    for offered in list(params, "/availableDecisions") {
        match offered.as_str() {
            Some("acceptForSession") => choices.push((ALLOW_ALWAYS.to_owned(), offered.clone())),
            Some(_) => {}
            None => {
                let prefix: Vec<_> =
                    list(offered, "/acceptWithExecpolicyAmendment/execpolicy_amendment").iter().filter_map(Value::as_str).collect();
                if !prefix.is_empty() {
                    choices.push((format!("Allow commands that start with {}", prefix.join(" ")), offered.clone()));
                }
            }
        }
    }
    choices.extend(plain_choices(&[(DENY, "decline"), (STOP, "cancel")]));
    choices
}

fn decision(name: &str, tool: &str, words: &str, detail: &str, choices: Vec<(String, Value)>) -> (OpenRequest, Vec<OutputBody>) {
    let question = Question {
        request_id: name.to_owned(),
        kind: QuestionKind::Permission,
        text: words.to_owned(),
        tool: tool.to_owned(),
        detail: clip(detail),
        options: choices.iter().map(|(label, _)| option(label, "")).collect(),
    };
    let asked = Asked { choices, ..Asked::default() };
    (OpenRequest { questions: vec![asked], ..OpenRequest::default() }, vec![OutputBody::Question(question)])
}

/// Questions of the agent itself.
fn inquiry(name: &str, params: &Value) -> (OpenRequest, Vec<OutputBody>) {
    let told = list(params, "/questions");
    let several = told.len() > 1;
    let mut open = OpenRequest { ask: Ask::Questions, ..OpenRequest::default() };
    let mut items = Vec::new();
    for (at, question) in told.iter().enumerate() {
        let options: Vec<_> =
            list(question, "/options").iter().map(|told| option(text(told, "/label"), text(told, "/description"))).collect();
        open.questions.push(Asked {
            id: text(question, "/id").to_owned(),
            choices: options.iter().map(|option| (option.label.clone(), json!(option.label))).collect(),
            secret: question.get("isSecret").and_then(Value::as_bool).unwrap_or_default(),
            ..Asked::default()
        });
        items.push(OutputBody::Question(Question {
            request_id: part(name, at, several),
            kind: QuestionKind::Question,
            text: clip(text(question, "/question")),
            tool: String::new(),
            detail: String::new(),
            options,
        }));
    }
    (open, items)
}

/// The names under which the still unanswered questions of a request are known.
pub(super) fn unanswered(name: &str, open: &OpenRequest) -> Vec<String> {
    let several = open.questions.len() > 1;
    if !several {
        return vec![name.to_owned()];
    }
    let waiting = open.questions.iter().enumerate().filter(|(_, asked)| asked.answer.is_none());
    waiting.map(|(at, _)| part(name, at, several)).collect()
}

/// The closing item of a question.
pub(super) fn closed(request_id: String, answer: &str) -> OutputBody {
    OutputBody::QuestionClosed { request_id, answer: first_line(answer, ANSWER_BYTES) }
}

/// Codex takes a request back.
pub(super) fn withdraw(state: &mut State, name: &str, why: &str) -> Vec<OutputBody> {
    let Some(open) = state.open.remove(name) else { return Vec::new() };
    unanswered(name, &open).into_iter().map(|name| closed(name, why)).collect()
}

/// Nobody waits for answers any more.
pub(super) fn withdraw_all(state: &mut State, why: &str) -> Vec<OutputBody> {
    let open = std::mem::take(&mut state.open);
    open.iter().flat_map(|(name, open)| unanswered(name, open)).map(|name| closed(name, why)).collect()
}

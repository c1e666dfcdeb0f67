//! Requests of Claude Code that wait for a person (claude R6).
//!
//! Spec: specs/server/runner/claude.md

use aq_core::output::{OutputBody, Question, QuestionKind, QuestionOption};
use serde_json::Value;

use super::blocks::content_text;
use super::state::{Ask, Asked, OpenRequest, State};
use crate::runtimes::clip::{clip, first_line};
use crate::runtimes::json::{list, text};
use crate::runtimes::telling::telling;

/// How much of an answer the closing item shows, in bytes.
const ANSWER_BYTES: usize = 300;

/// Opens a request and gives the questions that it consists of.
pub(super) fn ask(state: &mut State, request_id: &str, message: &Value) -> Vec<OutputBody> {
    let tool = text(message, "/request/tool_name");
    let tool_use_id = text(message, "/request/tool_use_id");
    let input = message.pointer("/request/input").cloned().unwrap_or_default();
    let mut open = OpenRequest { tool_use_id: tool_use_id.to_owned(), ..OpenRequest::default() };
    let items = match tool {
        "AskUserQuestion" if !list(&input, "/questions").is_empty() => {
            open.ask = Ask::Questions;
            let asked = list(&input, "/questions");
            open.questions = asked.iter().map(read_question).collect();
            let several = asked.len() > 1;
            let each = asked.iter().enumerate().map(|(at, question)| {
                let request_id = if several { format!("{request_id}.{}", at + 1) } else { request_id.to_owned() };
                OutputBody::Question(Question {
                    request_id,
                    kind: QuestionKind::Question,
                    text: clip(text(question, "/question")),
                    tool: String::new(),
                    detail: String::new(),
                    options: list(question, "/options").iter().map(read_option).collect(),
                })
            });
            each.collect()
        }
        "ExitPlanMode" => {
            open.ask = Ask::Plan;
            let remembered = state.plans.get(tool_use_id);
            let input = if text(&input, "/plan").is_empty() { remembered.unwrap_or(&input) } else { &input };
            vec![OutputBody::Question(Question {
                request_id: request_id.to_owned(),
                kind: QuestionKind::PlanApproval,
                text: "Is this plan accepted?".to_owned(),
                tool: String::new(),
                detail: clip(text(input, "/plan")),
                options: Vec::new(),
            })]
        }
        _ => {
            let reason = text(message, "/request/decision_reason");
            let wants = format!("May {tool} be used? {}", telling(&state.cwd, &input));
            vec![OutputBody::Question(Question {
                request_id: request_id.to_owned(),
                kind: QuestionKind::Permission,
                text: clip(if reason.is_empty() { wants.trim_end() } else { reason }),
                tool: tool.to_owned(),
                detail: clip(&input.to_string()),
                options: Vec::new(),
            })]
        }
    };
    open.input = input;
    state.open.insert(request_id.to_owned(), open);
    items
}

fn read_question(question: &Value) -> Asked {
    let labels = list(question, "/options").iter().map(|option| text(option, "/label").to_owned()).collect();
    Asked { text: text(question, "/question").to_owned(), labels, answer: None }
}

fn read_option(option: &Value) -> QuestionOption {
    let (label, description) = (text(option, "/label"), text(option, "/description"));
    let description = if label == description { "" } else { description };
    QuestionOption { label: label.to_owned(), description: description.to_owned() }
}

/// The names under which the still unanswered questions of a request are known.
pub(super) fn unanswered(request_id: &str, open: &OpenRequest) -> Vec<String> {
    if open.questions.len() < 2 {
        return vec![request_id.to_owned()];
    }
    let waiting = open.questions.iter().enumerate().filter(|(_, asked)| asked.answer.is_none());
    waiting.map(|(at, _)| format!("{request_id}.{}", at + 1)).collect()
}

/// The closing item of a question.
pub(super) fn closed(request_id: String, answer: &str) -> OutputBody {
    OutputBody::QuestionClosed { request_id, answer: first_line(answer, ANSWER_BYTES) }
}

/// The CLI takes a request back.
pub(super) fn withdraw(state: &mut State, request_id: &str, why: &str) -> Vec<OutputBody> {
    let Some(open) = state.open.remove(request_id) else { return Vec::new() };
    unanswered(request_id, &open).into_iter().map(|name| closed(name, why)).collect()
}

/// Nobody waits for answers any more.
pub(super) fn withdraw_all(state: &mut State, why: &str) -> Vec<OutputBody> {
    let open = std::mem::take(&mut state.open);
    open.iter().flat_map(|(request_id, open)| unanswered(request_id, open)).map(|name| closed(name, why)).collect()
}

/// A tool has answered: a question about it that still counts as open was settled without our noticing.
pub(super) fn settle(state: &mut State, tool_use_id: &str, block: &Value) -> Vec<OutputBody> {
    state.plans.remove(tool_use_id);
    let found = state.open.iter().find(|(_, open)| !tool_use_id.is_empty() && open.tool_use_id == tool_use_id);
    let Some(request_id) = found.map(|(request_id, _)| request_id.clone()) else { return Vec::new() };
    withdraw(state, &request_id, &content_text(block))
}

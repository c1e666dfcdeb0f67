//! Reads what the scripted agent prints.
//!
//! Spec: specs/server/runner/scripted.md

use std::collections::BTreeSet;

use aq_core::output::{FailureClass, LimitNotice, LimitStatus, OutputBody, Question, QuestionKind, QuestionOption, TokenUsage};
use aq_core::runner_link::{Answer, RunOutcome};
use aq_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::{Kind, Said, Status, Told, Verdict, line};
use crate::runtimes::clip::{clip, first_line};
use crate::runtimes::command::plain;
use crate::runtimes::ending::{early_outcome, failed, late_outcome};
use crate::runtimes::normalizer::{Answered, End, ExitFacts, Frame, Normalizer, StdinWish, Step, Wishes};
use crate::spool::{RawKind, RawLine};

/// The agent's last word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Verdicted {
    success: bool,
    text: String,
    class: String,
    window: String,
    resets_at_ms: Option<i64>,
}

/// The normaliser of the scripted agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ScriptedLines {
    open: BTreeSet<String>,
    result: Option<Verdicted>,
    last_stderr: String,
}

impl ScriptedLines {
    fn said(&mut self, said: Said) -> OutputBody {
        match said {
            Said::Session { id, model, version } => OutputBody::SessionStarted { session_id: id, model, version },
            Said::Say { text } => OutputBody::Text { text: clip(&text) },
            Said::Think { text } => OutputBody::Thinking { text: clip(&text) },
            Said::Tool { id, name, summary, input } => {
                OutputBody::ToolCall { call_id: id, name, summary: first_line(&summary, 300), input: clip(&input.to_string()) }
            }
            Said::ToolResult { id, error, text } => OutputBody::ToolResult { call_id: id, is_error: error, text: clip(&text) },
            Said::Usage { id, input, output } => {
                let tokens = TokenUsage { input, output, ..TokenUsage::default() };
                OutputBody::Usage { message_id: id, model: "scripted".to_owned(), tokens, cost_micros: None }
            }
            Said::Limit { window, status, used, resets_at_ms } => OutputBody::Limit(LimitNotice {
                window,
                status: match status {
                    Status::Warning => LimitStatus::Warning,
                    Status::Rejected => LimitStatus::Rejected,
                },
                used,
                resets_at: resets_at_ms.map(Timestamp::from_millis),
                source: "script".to_owned(),
            }),
            Said::Question { id, kind, text, tool, detail, options } => {
                self.open.insert(id.clone());
                let kind = match kind {
                    Kind::Question => QuestionKind::Question,
                    Kind::Permission => QuestionKind::Permission,
                    Kind::Plan => QuestionKind::PlanApproval,
                };
                let options = options.into_iter().map(|label| QuestionOption { label, description: String::new() }).collect();
                OutputBody::Question(Question { request_id: id, kind, text, tool, detail, options })
            }
            Said::Closed { id, answer } => {
                self.open.remove(&id);
                OutputBody::QuestionClosed { request_id: id, answer: first_line(&answer, 300) }
            }
            Said::Delivered { id } => OutputBody::Delivered { message_id: id },
            Said::Error { text } => OutputBody::Error { text: clip(&text) },
            Said::Result { success, text, class, window, resets_at_ms } => {
                self.result = Some(Verdicted { success, text: text.clone(), class, window, resets_at_ms });
                OutputBody::Result { success, text: clip(&text) }
            }
        }
    }
}

impl Normalizer for ScriptedLines {
    fn line(&mut self, line: &RawLine) -> Step {
        match line.kind {
            RawKind::Stdout => match serde_json::from_slice::<Said>(&line.bytes) {
                Ok(said) => self.said(said).into(),
                Err(_) => plain(line).into(),
            },
            RawKind::Stderr => {
                if !line.text().trim().is_empty() {
                    self.last_stderr = first_line(&line.text(), 500);
                }
                plain(line).into()
            }
            RawKind::Gap => plain(line).into(),
        }
    }

    fn end(&mut self, exit: &ExitFacts) -> End {
        let withdrawn = std::mem::take(&mut self.open).into_iter();
        let items = withdrawn.map(|id| OutputBody::QuestionClosed { request_id: id, answer: "the run ended".to_owned() }).collect();
        let said = self.result.as_ref().map(|result| match result {
            Verdicted { success: true, text, .. } => RunOutcome::Succeeded { summary: text.clone() },
            Verdicted { window, text, resets_at_ms, .. } if !window.is_empty() => {
                RunOutcome::Limited { window: window.clone(), resets_at: resets_at_ms.map(Timestamp::from_millis), message: text.clone() }
            }
            Verdicted { class, text, .. } => failed(FailureClass::parse(class).unwrap_or(FailureClass::Agent), text.clone()),
        });
        let outcome = early_outcome(exit).or(said).or_else(|| late_outcome(exit)).unwrap_or_else(|| {
            let words = exit.words();
            let message = if self.last_stderr.is_empty() { words } else { format!("{words}: {}", self.last_stderr) };
            failed(FailureClass::Incomplete, format!("the script ended without a result ({message})"))
        });
        End { items, outcome, relaunch: None }
    }

    fn wishes(&self) -> Wishes {
        let stdin = if self.result.is_some() { StdinWish::CloseAfter { ms: 0 } } else { StdinWish::Hold };
        Wishes { stdin, patient: !self.open.is_empty(), give_up: false }
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn answer(&mut self, request_id: &str, answer: &Answer) -> Option<Answered> {
        if !self.open.contains(request_id) {
            return None;
        }
        let (verdict, text) = match answer {
            Answer::Text(text) => (Verdict::Text, text.clone()),
            Answer::Allow => (Verdict::Allow, "yes".to_owned()),
            Answer::Deny { message } => (Verdict::Deny, message.clone()),
        };
        // The agent itself says when a question is closed; until then it counts as open.
        let told = Told::Answer { id: request_id.to_owned(), verdict, text };
        let frame = Frame { id: format!("answer-{request_id}"), bytes: line(&told) };
        Some(Answered { closed: Vec::new(), frame: Some(frame) })
    }

    fn message(&mut self, message_id: &str, text: &str) -> Option<Vec<Frame>> {
        let told = Told::Message { id: message_id.to_owned(), text: text.to_owned() };
        self.result.is_none().then(|| vec![Frame { id: format!("message-{message_id}"), bytes: line(&told) }])
    }

    fn interrupt(&self) -> Option<Frame> {
        Some(Frame { id: "interrupt".to_owned(), bytes: line(&Told::Interrupt) })
    }
}

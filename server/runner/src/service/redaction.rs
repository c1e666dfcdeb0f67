//! Takes secrets out of items before they are numbered (service R3).
//!
//! Spec: specs/server/runner/service.md

use aq_core::output::{OutputBody, Question, QuestionOption};
use aq_core::runner_link::{Conclusion, RunOutcome};

use crate::redact::Redactor;

/// What stands in place of every text when no redactor could be made: rather nothing than a secret.
const WITHHELD: &str = "[withheld: the secrets of this run could not be searched for]";

/// Takes secrets out of one run's items.
pub(super) struct Screen(Option<Redactor>);

impl Screen {
    pub(super) fn new(secrets: &[String]) -> Self {
        match Redactor::new(secrets) {
            Ok(redactor) => Self(Some(redactor)),
            Err(error) => {
                tracing::error!(%error, "the output of a run is withheld");
                Self(None)
            }
        }
    }
}

fn clean(screen: &Screen, text: String) -> String {
    let Some(redactor) = &screen.0 else { return WITHHELD.to_owned() };
    match redactor.redact(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(clean) => clean,
    }
}

/// The item without secrets.
pub(super) fn body(screen: &Screen, body: OutputBody) -> OutputBody {
    let clean = |text: String| clean(screen, text);
    match body {
        OutputBody::Note { text } => OutputBody::Note { text: clean(text) },
        OutputBody::Text { text } => OutputBody::Text { text: clean(text) },
        OutputBody::Thinking { text } => OutputBody::Thinking { text: clean(text) },
        OutputBody::ToolCall { call_id, name, summary, input } => {
            OutputBody::ToolCall { call_id, name: clean(name), summary: clean(summary), input: clean(input) }
        }
        OutputBody::ToolResult { call_id, is_error, text } => OutputBody::ToolResult { call_id, is_error, text: clean(text) },
        OutputBody::Line { stream, text, truncated } => OutputBody::Line { stream, text: clean(text), truncated },
        OutputBody::Question(question) => {
            let Question { request_id, kind, text, tool, detail, options } = question;
            let option = |option: QuestionOption| QuestionOption { label: clean(option.label), description: clean(option.description) };
            let options = options.into_iter().map(option).collect();
            OutputBody::Question(Question { request_id, kind, text: clean(text), tool: clean(tool), detail: clean(detail), options })
        }
        OutputBody::QuestionClosed { request_id, answer } => OutputBody::QuestionClosed { request_id, answer: clean(answer) },
        OutputBody::Error { text } => OutputBody::Error { text: clean(text) },
        OutputBody::Result { success, text } => OutputBody::Result { success, text: clean(text) },
        same @ (OutputBody::SessionStarted { .. }
        | OutputBody::Usage { .. }
        | OutputBody::Limit(_)
        | OutputBody::Delivered { .. }
        | OutputBody::Gap { .. }) => same,
    }
}

/// The outcome without secrets.
pub(super) fn outcome(screen: &Screen, outcome: RunOutcome) -> RunOutcome {
    match outcome {
        RunOutcome::Succeeded { summary } => RunOutcome::Succeeded { summary: clean(screen, summary) },
        RunOutcome::Failed { class, message } => RunOutcome::Failed { class, message: clean(screen, message) },
        RunOutcome::Limited { window, resets_at, message } => RunOutcome::Limited { window, resets_at, message: clean(screen, message) },
        stopped @ RunOutcome::Stopped { .. } => stopped,
    }
}

/// A text without secrets.
pub(super) fn text(screen: &Screen, text: String) -> String {
    clean(screen, text)
}

/// The conclusion without secrets: an agent may have given one to a file as its name.
pub(super) fn conclusion(screen: &Screen, conclusion: Conclusion) -> Conclusion {
    let all = |names: Vec<String>| names.into_iter().map(|name| clean(screen, name)).collect();
    match conclusion {
        Conclusion::Done { commit, files_changed, lines_changed, pushed } => {
            Conclusion::Done { commit, files_changed: all(files_changed), lines_changed, pushed }
        }
        Conclusion::MergeConflict { files } => Conclusion::MergeConflict { files: all(files) },
        Conclusion::VerifyFailed { command, exit_code, tail } => Conclusion::VerifyFailed { command, exit_code, tail: clean(screen, tail) },
        Conclusion::PushFailed { message } => Conclusion::PushFailed { message: clean(screen, message) },
        Conclusion::Error { message } => Conclusion::Error { message: clean(screen, message) },
        same @ (Conclusion::NothingToDo | Conclusion::TargetDirty { .. }) => same,
    }
}

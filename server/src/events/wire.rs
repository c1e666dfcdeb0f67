//! Output items in their wire form, which is also the form they are stored in: the public contract keeps old files readable.

use aq_core::output::{LimitNotice, LimitStatus, LineStream, OutputBody, OutputItem, Question, QuestionKind, TokenUsage};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::output_item::Body;

/// An instant.
#[must_use]
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let millis = at.as_millis();
    prost_types::Timestamp { seconds: millis.div_euclid(1000), nanos: i32::try_from(millis.rem_euclid(1000)).unwrap_or(0) * 1_000_000 }
}

/// Tokens by kind.
#[must_use]
pub const fn tokens(usage: TokenUsage) -> pb::TokenUsage {
    pb::TokenUsage { input: usage.input, output: usage.output, cache_read: usage.cache_read, cache_write: usage.cache_write }
}

/// How a usage window stands.
#[must_use]
pub const fn limit_status(status: LimitStatus) -> pb::LimitStatus {
    match status {
        LimitStatus::Allowed => pb::LimitStatus::Allowed,
        LimitStatus::Warning => pb::LimitStatus::Warning,
        LimitStatus::Rejected => pb::LimitStatus::Rejected,
    }
}

fn limit(notice: &LimitNotice) -> pb::LimitNotice {
    pb::LimitNotice {
        window: notice.window.clone(),
        status: limit_status(notice.status).into(),
        used: notice.used,
        resets_at: notice.resets_at.map(timestamp),
        source: notice.source.clone(),
    }
}

/// A question of an agent.
#[must_use]
pub fn question(question: &Question) -> pb::Question {
    pb::Question {
        question_id: question.request_id.clone(),
        kind: match question.kind {
            QuestionKind::Question => pb::QuestionKind::Question,
            QuestionKind::Permission => pb::QuestionKind::Permission,
            QuestionKind::PlanApproval => pb::QuestionKind::PlanApproval,
        }
        .into(),
        text: question.text.clone(),
        tool: question.tool.clone(),
        detail: question.detail.clone(),
        options: question
            .options
            .iter()
            .map(|option| pb::QuestionOption { label: option.label.clone(), description: option.description.clone() })
            .collect(),
    }
}

/// An output item.
#[must_use]
pub(super) fn item(item: &OutputItem) -> pb::OutputItem {
    pb::OutputItem { seq: item.seq, time: Some(timestamp(item.at)), body: Some(body(&item.body)) }
}

fn body(body: &OutputBody) -> Body {
    use pb::output_item as of;
    match body {
        OutputBody::Note { text } => Body::Note(of::Note { text: text.clone() }),
        OutputBody::SessionStarted { session_id, model, version } => {
            Body::SessionStarted(of::SessionStarted { session_id: session_id.clone(), model: model.clone(), version: version.clone() })
        }
        OutputBody::Text { text } => Body::Text(of::Text { text: text.clone() }),
        OutputBody::Thinking { text } => Body::Thinking(of::Thinking { text: text.clone() }),
        OutputBody::ToolCall { call_id, name, summary, input } => {
            Body::ToolCall(of::ToolCall { call_id: call_id.clone(), name: name.clone(), summary: summary.clone(), input: input.clone() })
        }
        OutputBody::ToolResult { call_id, is_error, text } => {
            Body::ToolResult(of::ToolResult { call_id: call_id.clone(), is_error: *is_error, text: text.clone() })
        }
        OutputBody::Line { stream, text, truncated } => Body::Line(of::Line {
            stream: match stream {
                LineStream::Stdout => pb::LineStream::Stdout,
                LineStream::Stderr => pb::LineStream::Stderr,
            }
            .into(),
            text: text.clone(),
            truncated: *truncated,
        }),
        OutputBody::Usage { message_id, model, tokens: used, cost_micros } => Body::Usage(of::Usage {
            message_id: message_id.clone(),
            model: model.clone(),
            tokens: Some(tokens(*used)),
            cost_micros: *cost_micros,
        }),
        OutputBody::Limit(notice) => Body::Limit(limit(notice)),
        OutputBody::Question(asked) => Body::Question(question(asked)),
        OutputBody::QuestionClosed { request_id, answer } => {
            Body::QuestionClosed(of::QuestionClosed { question_id: request_id.clone(), answer: answer.clone() })
        }
        OutputBody::Delivered { message_id } => Body::Delivered(of::Delivered { message_id: message_id.clone() }),
        OutputBody::Error { text } => Body::Error(of::Error { text: text.clone() }),
        OutputBody::Result { success, text } => Body::Result(of::Result { success: *success, text: text.clone() }),
        OutputBody::Gap { bytes, reason } => Body::Gap(of::Gap { bytes: *bytes, reason: reason.clone() }),
    }
}

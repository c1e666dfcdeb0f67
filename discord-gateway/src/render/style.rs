//! Colours, icons and the small print: the same everywhere.

use aq_proto::v1 as pb;
use pb::TaskStatus;

use crate::message::{Embed, Message};
use crate::text::{clean, cut};

/// The mood of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// It worked.
    Success,
    /// It did not.
    Error,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Info,
    /// Nothing goes on without somebody.
    Critical,
}

impl Style {
    /// The colour of the edge.
    pub(crate) const fn colour(self) -> u32 {
        match self {
            Self::Success => 0x2E_CC71,
            Self::Error => 0xE7_4C3C,
            Self::Warning => 0xF3_9C12,
            Self::Info => 0x34_98DB,
            Self::Critical => 0x99_2D22,
        }
    }

    /// The icon before the title.
    pub(crate) const fn icon(self) -> &'static str {
        match self {
            Self::Success => "✅",
            Self::Error => "❌",
            Self::Warning => "⚠️",
            Self::Info => "ℹ️",
            Self::Critical => "🚨",
        }
    }
}

/// Word, emoji and colour of a status.
pub(crate) fn status_of(status: TaskStatus) -> (&'static str, &'static str, u32) {
    match status {
        TaskStatus::Defined => ("DEFINED", "⚪", 0x95_A5A6),
        TaskStatus::Ready => ("READY", "🔵", 0x34_98DB),
        TaskStatus::Assigned => ("ASSIGNED", "📋", 0x9B_59B6),
        TaskStatus::InProgress => ("IN_PROGRESS", "🟡", 0xF3_9C12),
        TaskStatus::WaitingInput => ("WAITING_INPUT", "💬", 0x1A_BC9C),
        TaskStatus::Paused => ("PAUSED", "⏸️", 0x7F_8C8D),
        TaskStatus::Verifying => ("VERIFYING", "🔍", 0x29_80B9),
        TaskStatus::AwaitingApproval => ("AWAITING_APPROVAL", "⌛", 0xE6_7E22),
        TaskStatus::Completed => ("COMPLETED", "🟢", 0x2E_CC71),
        TaskStatus::Failed => ("FAILED", "🔴", 0xE7_4C3C),
        TaskStatus::Blocked => ("BLOCKED", "⛔", 0x99_2D22),
        TaskStatus::Unspecified => ("UNKNOWN", "⚪", 0x95_A5A6),
    }
}

/// Words of a reason for which a task is blocked.
pub(super) fn reason_of(reason: pb::BlockReason) -> String {
    reason.as_str_name().trim_start_matches("BLOCK_REASON_").to_lowercase().replace('_', " ")
}

/// A box with a title and its icon.
pub(crate) fn boxed(style: Style, title: impl AsRef<str>, text: impl Into<String>) -> Embed {
    Embed {
        title: format!("{} {}", style.icon(), clean(title.as_ref())),
        description: text.into(),
        colour: style.colour(),
        footer: "AgentQueue".to_owned(),
        ..Embed::default()
    }
}

/// The mark of an event: what the message about it carries, and nothing else does.
pub(crate) fn mark_of(seq: u64) -> String {
    format!("event {seq}")
}

/// A text that begins with a capital.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What somebody reads whose wish cannot be fulfilled.
pub(crate) fn refusal(sentence: &str) -> Message {
    let sentence = self::sentence(&cut(&clean(sentence), 1800));
    Message::embed(Embed { title: "❌ That did not work".to_owned(), footer: String::new(), ..boxed(Style::Error, "", sentence) })
}

//! What a person or a hook hands an agent along with the description: criteria, context, tools (F-009).

use crate::text_enum::text_enum;

text_enum! {
    /// What an attachment is; each kind has its own section in the prompt.
    AttachmentKind, "attachment kind" {
        /// Something the result must fulfil.
        Criterion = "criterion",
        /// Something worth knowing: a note, a link, a log.
        Context = "context",
        /// A tool the agent may use.
        Tool = "tool",
    }
}

/// One attachment of a task. The order in the task's list is the order in the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// A short heading; empty when there is none.
    pub label: String,
    /// The content: text, or for a tool its configuration as JSON text.
    pub content: String,
}

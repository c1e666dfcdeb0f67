//! Messages to agents.

use aq_proto::v1::{AgentMessage, ListMessagesResponse, MessageState};

use super::time;
use crate::clean;
use crate::look::{Look, Tone};

/// How far a message is, in one word.
#[must_use]
pub(crate) const fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Queued => "queued",
        MessageState::Delivered => "delivered",
        MessageState::Told => "told",
        MessageState::Unspecified => "unknown",
    }
}

fn one(look: &Look, message: &AgentMessage) -> String {
    let whom = match message.state() {
        MessageState::Told => format!("run {}", message.told_run_number),
        _ => format!("run {}", message.run_number),
    };
    let head = format!("{} to {whom}", state(message.state()));
    let from = clean::line(&format!("{} {}", message.actor, time::relative(look, message.sent_at.as_ref())));
    let body: Vec<String> = clean::block(&message.text).lines().map(|line| format!("  {line}")).collect();
    format!("{}  {}\n{}", look.paint(Tone::Strong, &head), look.paint(Tone::Dim, &from), body.join("\n"))
}

/// The messages of a task, oldest first.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListMessagesResponse) -> String {
    page.messages.iter().map(|message| one(look, message)).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages show how far they are, and foreign text shows no control characters.
    #[test]
    fn messages_show_how_far_they_are() {
        let at = Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() - 60, nanos: 0 });
        let message = |text: &str, state: MessageState, told_run_number| AgentMessage {
            text: text.into(),
            actor: "anna".into(),
            run_number: 1,
            sent_at: at,
            state: state.into(),
            told_run_number,
            ..Default::default()
        };
        let messages = vec![
            message("use the old table", MessageState::Delivered, 0),
            message("and no \u{1b}[8mtests", MessageState::Told, 2),
            message("stop at noon", MessageState::Queued, 0),
        ];
        insta::assert_snapshot!(list(&Look::plain(), &ListMessagesResponse { messages }));
    }
}

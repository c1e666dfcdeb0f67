//! What was said in a conversation: the server remembers nothing, so it comes with each turn.

use aq_proto::client::Connection;
use aq_proto::v1::{ChatMessage, ChatSpeaker, SummarizeRequest};

/// Messages from which the older ones are summarised.
const MANY: usize = 40;
/// Bytes from which they are.
const LONG: usize = 128 * 1024;
/// Messages that stay as they are.
const KEPT: usize = 10;

/// The messages so far.
#[derive(Debug, Default)]
pub(super) struct History(Vec<ChatMessage>);

fn message(speaker: ChatSpeaker, text: &str) -> ChatMessage {
    ChatMessage { speaker: speaker.into(), author: String::new(), text: text.to_owned() }
}

impl History {
    /// The messages, oldest first.
    pub(super) fn messages(&self) -> Vec<ChatMessage> {
        self.0.clone()
    }

    /// Remembers a turn.
    pub(super) fn said(&mut self, text: &str, answer: &str) {
        self.0.push(message(ChatSpeaker::Person, text));
        self.0.push(message(ChatSpeaker::Assistant, if answer.is_empty() { "(cancelled)" } else { answer }));
    }

    fn is_long(&self) -> bool {
        self.0.len() > MANY || self.0.iter().map(|said| said.text.len()).sum::<usize>() > LONG
    }

    /// Puts a summary in the place of the older messages when there are many. Where none can be had, the oldest are forgotten.
    pub(super) async fn shorten(&mut self, connection: &Connection, project_id: &str) {
        if !self.is_long() {
            return;
        }
        let recent = self.0.split_off(self.0.len().saturating_sub(KEPT));
        let older = std::mem::replace(&mut self.0, recent);
        let request = SummarizeRequest { messages: older, project_id: project_id.to_owned(), model: String::new() };
        if let Ok(summary) = connection.chat().summarize(request).await {
            let text = format!("What was said before, in short:\n{}", summary.into_inner().text);
            self.0.insert(0, message(ChatSpeaker::Person, &text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-179: a conversation becomes long by messages or by bytes; a cancelled turn is remembered as such.
    #[test]
    fn long_conversations_are_noticed() {
        let mut history = History::default();
        history.said("do it", "");
        assert_eq!(history.messages()[1].text, "(cancelled)");
        assert!(!history.is_long());
        history.said("x", &"y".repeat(LONG));
        assert!(history.is_long());
        let mut many = History::default();
        (0..=MANY / 2).for_each(|_| many.said("a", "b"));
        assert!(many.is_long());
    }
}

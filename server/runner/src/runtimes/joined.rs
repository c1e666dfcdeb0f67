//! Joins the pieces in which a program tells its texts to whole items.
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::{MAX_ITEM_TEXT_BYTES, OutputBody};
use serde::{Deserialize, Serialize};

use super::clip::clip;

/// Which kind of text is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::runtimes) enum Voice {
    /// Text of the agent.
    #[default]
    Text,
    /// Its reasoning.
    Thinking,
}

/// A text of which more may come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::runtimes) struct Joined {
    voice: Voice,
    message: String,
    text: String,
}

impl Joined {
    /// Takes a piece of message `message`; gives the text before it when that is complete.
    pub(in crate::runtimes) fn piece(&mut self, voice: Voice, message: &str, text: &str) -> Option<OutputBody> {
        let goes_on = voice == self.voice && (message == self.message || message.is_empty() || self.message.is_empty());
        let full = self.text.len() + text.len() > MAX_ITEM_TEXT_BYTES / 2;
        let whole = if goes_on && !full { None } else { self.take() };
        self.voice = voice;
        if !message.is_empty() {
            message.clone_into(&mut self.message);
        }
        self.text.push_str(text);
        whole
    }

    /// The text is complete: something else follows. Blank ones are nothing.
    pub(in crate::runtimes) fn take(&mut self) -> Option<OutputBody> {
        let Self { voice, text, .. } = std::mem::take(self);
        if text.trim().is_empty() {
            return None;
        }
        let text = clip(text.trim_end());
        Some(match voice {
            Voice::Text => OutputBody::Text { text },
            Voice::Thinking => OutputBody::Thinking { text },
        })
    }
}

#[cfg(test)]
mod tests {
    use aq_core::output::OutputBody;

    use super::{Joined, Voice};

    /// Pieces of one voice and one message become one item; a change of either ends it; nothing is lost of what is long.
    #[test]
    fn pieces_become_items() {
        let mut joined = Joined::default();
        assert_eq!(joined.piece(Voice::Text, "a", "one "), None);
        assert_eq!(joined.piece(Voice::Text, "a", "two\n"), None);
        assert_eq!(joined.piece(Voice::Text, "b", "three"), Some(OutputBody::Text { text: "one two".to_owned() }));
        assert_eq!(joined.piece(Voice::Thinking, "b", "  "), Some(OutputBody::Text { text: "three".to_owned() }));
        assert_eq!(joined.take(), None);
        let length = |item: Option<OutputBody>| match item {
            Some(OutputBody::Text { text }) => text.len(),
            _ => 0,
        };
        let long = "x".repeat(60_000);
        let mut bytes = 0;
        for _ in 0..10 {
            bytes += length(joined.piece(Voice::Text, "", &long));
        }
        assert_eq!(bytes + length(joined.take()), 600_000);
    }
}

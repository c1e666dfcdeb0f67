//! From what callers remember to a conversation that every provider takes: it begins and ends with a person, and speakers alternate.

use super::message::{Block, Message, Speaker};

/// Longest history, in messages.
const MOST_MESSAGES: usize = 200;
/// Longest history with the new text, in bytes.
const MOST_BYTES: usize = 512 * 1024;
/// Longest name of an author, in characters.
const LONGEST_NAME: usize = 64;

/// Something that was said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub speaker: Speaker,
    /// The person's name; empty: not told.
    pub author: String,
    /// What was said.
    pub text: String,
}

/// Why there is no conversation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// Nothing is asked.
    #[error("is empty; say what you want")]
    Empty,
    /// Too many messages.
    #[error("has {0} messages; at most {MOST_MESSAGES} are taken, summarise the older ones")]
    TooMany(usize),
    /// Too long.
    #[error("is longer than {MOST_BYTES} bytes together with the history; summarise the older messages")]
    TooLong,
}

/// The name as it may stand in front of a text: one line, without brackets.
fn name(author: &str) -> String {
    author.chars().filter(|char| !char.is_control() && !matches!(char, '[' | ']')).take(LONGEST_NAME).collect::<String>().trim().to_owned()
}

fn spoken(said: &Said) -> String {
    let name = name(&said.author);
    if said.speaker == Speaker::Model || name.is_empty() {
        return said.text.trim().to_owned();
    }
    format!("[from {name}]: {}", said.text.trim())
}

/// The conversation: the history, then what `author` says now. Messages of one speaker in a row become one; what the model said before any person
/// is left out, and so is what is empty.
///
/// # Errors
/// [`TranscriptError`] names what is wrong.
pub fn transcript(history: &[Said], author: &str, text: &str) -> Result<Vec<Message>, TranscriptError> {
    if text.trim().is_empty() {
        return Err(TranscriptError::Empty);
    }
    if history.len() > MOST_MESSAGES {
        return Err(TranscriptError::TooMany(history.len()));
    }
    let bytes: usize = history.iter().map(|said| said.text.len()).sum();
    if bytes.saturating_add(text.len()) > MOST_BYTES {
        return Err(TranscriptError::TooLong);
    }
    let now = Said { speaker: Speaker::Person, author: author.to_owned(), text: text.to_owned() };
    let mut messages: Vec<Message> = Vec::new();
    for said in history.iter().chain([&now]).filter(|said| !said.text.trim().is_empty()) {
        let text = spoken(said);
        match messages.last_mut() {
            None if said.speaker == Speaker::Model => {}
            Some(last) if last.speaker == said.speaker => {
                if let Some(Block::Text(before)) = last.blocks.last_mut() {
                    before.push('\n');
                    before.push_str(&text);
                }
            }
            _ => messages.push(Message::text(said.speaker, text)),
        }
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(speaker: Speaker, author: &str, text: &str) -> Said {
        Said { speaker, author: author.into(), text: text.into() }
    }

    /// chat R1: names stand in front, neighbours are joined, nothing comes before a person.
    #[test]
    fn a_history_becomes_a_conversation() {
        let history = [
            said(Speaker::Model, "", "hello"),
            said(Speaker::Person, "Ann]\n[x", "first"),
            said(Speaker::Person, "Bob", "second"),
            said(Speaker::Model, "", "answer"),
            said(Speaker::Person, "Ann", " "),
        ];
        let made = transcript(&history, "", "third").unwrap();
        let texts: Vec<_> = made.iter().map(|message| (message.speaker, message.blocks.clone())).collect();
        assert_eq!(
            texts,
            [
                (Speaker::Person, vec![Block::Text("[from Annx]: first\n[from Bob]: second".into())]),
                (Speaker::Model, vec![Block::Text("answer".into())]),
                (Speaker::Person, vec![Block::Text("third".into())]),
            ]
        );
        assert_eq!(transcript(&[], "Ann", " \n"), Err(TranscriptError::Empty));
    }

    /// chat R1: at most 200 messages and 512 KiB, the new text included.
    #[test]
    fn a_history_may_be_as_long_as_its_limits() {
        let many = |count: usize| transcript(&vec![said(Speaker::Person, "", "x"); count], "", "now").map(|made| made.len());
        assert_eq!((many(200), many(201)), (Ok(1), Err(TranscriptError::TooMany(201))));
        let long = |bytes: usize| transcript(&[said(Speaker::Person, "", "before")], "", &"x".repeat(bytes)).map(|made| made.len());
        assert_eq!((long(512 * 1024 - 6), long(512 * 1024 - 5)), (Ok(1), Err(TranscriptError::TooLong)));
    }

    proptest! {
        /// chat R1: whatever was said, speakers alternate, beginning and ending with a person.
        #[test]
        fn speakers_alternate(history in prop::collection::vec((any::<bool>(), "[a-z \\[\\]\n]{0,8}", "[a-z \n]{0,8}"), 0..20)) {
            let history: Vec<_> = history.iter().map(|(model, author, text)| {
                said(if *model { Speaker::Model } else { Speaker::Person }, author, text)
            }).collect();
            let made = transcript(&history, "me", "now").unwrap();
            for (index, message) in made.iter().enumerate() {
                let wanted = if index % 2 == 0 { Speaker::Person } else { Speaker::Model };
                prop_assert_eq!(message.speaker, wanted);
                prop_assert!(!message.blocks.is_empty());
            }
            prop_assert_eq!(made.len() % 2, 1);
        }
    }
}

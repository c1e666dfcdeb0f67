//! The history of a request: old messages as a summary, the newest as they are, one turn for each speaker (F-208, F-209). Pure.

use aq_proto::v1 as pb;

use super::Cached;

/// More messages than this, and the older ones are summarised.
const COMPACT: usize = 20;
/// How many stay as they are then.
const RECENT: usize = 14;

/// How many stay as they are behind a summary that does not cover the newest of the older ones.
const BEHIND: usize = 2 * COMPACT;

/// The messages behind what a summary covers, when they are few enough to be told as they are.
pub(super) fn behind(messages: &[Cached], covered: u64) -> Option<&[Cached]> {
    let from = messages.partition_point(|message| message.id <= covered);
    messages.get(from..).filter(|rest| rest.len() <= BEHIND)
}

/// The older messages, which are summarised, and the recent ones.
pub(super) fn parted(messages: &[Cached]) -> (&[Cached], &[Cached]) {
    if messages.len() <= COMPACT { (&[], messages) } else { messages.split_at(messages.len() - RECENT) }
}

fn said(message: &Cached) -> pb::ChatMessage {
    let speaker = if message.by_bot { pb::ChatSpeaker::Assistant } else { pb::ChatSpeaker::Person };
    let text = if message.by_bot { message.content.clone() } else { format!("[from {}]: {}", message.author, message.content) };
    pb::ChatMessage { speaker: speaker.into(), author: String::new(), text }
}

/// Messages as turns: what one speaker said on end is one turn.
pub(super) fn turns(messages: &[Cached]) -> Vec<pb::ChatMessage> {
    let mut made: Vec<pb::ChatMessage> = Vec::new();
    for message in messages.iter().filter(|message| !message.content.trim().is_empty()).map(said) {
        match made.last_mut() {
            Some(last) if last.speaker == message.speaker => {
                last.text.push('\n');
                last.text.push_str(&message.text);
            }
            _ => made.push(message),
        }
    }
    made
}

/// The turns of a request, after a summary where there is one.
pub(super) fn history(summary: Option<&str>, recent: &[Cached]) -> Vec<pb::ChatMessage> {
    let turn = |speaker: pb::ChatSpeaker, text: String| pb::ChatMessage { speaker: speaker.into(), author: String::new(), text };
    let mut made = Vec::new();
    if let Some(summary) = summary {
        made.push(turn(pb::ChatSpeaker::Person, format!("[CONVERSATION SUMMARY — earlier messages]\n{summary}")));
        made.push(turn(pb::ChatSpeaker::Assistant, "Understood, I have the conversation context.".to_owned()));
    }
    made.extend(turns(recent));
    made
}

/// What somebody says in a notes thread, with what shall become of it (F-205).
pub(crate) fn noting(project: &str, text: &str) -> String {
    format!(
        "[NOTES MODE for project `{project}`: this is a stream of thoughts for its notes. (1) List the notes. (2) Decide which note it belongs \
         to. (3) Append it there, or write a new note. (4) Confirm briefly: which note, and one line of what was added. (5) When the person wants \
         to browse or asks for something else, use the other tools. Use `{project}` where a project is wanted.]\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u64, author: &str) -> Cached {
        Cached { id, author: author.to_owned(), by_bot: author.is_empty(), content: format!("m{id}") }
    }

    /// F-208: twenty stay as they are; of more the last fourteen do, behind a summary.
    #[test]
    fn old_messages_are_summarised() {
        let messages: Vec<Cached> = (0..21).map(|id| message(id, if id % 2 == 0 { "Ann" } else { "" })).collect();
        assert_eq!(parted(&messages[..20]).0.len(), 0);
        let (older, recent) = parted(&messages);
        assert_eq!((older.len(), recent.len()), (7, 14));
        let made = history(Some("They met."), recent);
        assert!(made[0].text.starts_with("[CONVERSATION SUMMARY — earlier messages]\nThey met."));
        assert_eq!((made[1].text.as_str(), made.len()), ("Understood, I have the conversation context.", 16));
    }

    /// F-210: a summary serves until too much was said behind it.
    #[test]
    fn a_summary_serves_for_a_while() {
        let messages: Vec<Cached> = (1..=50).map(|id| message(id, "Ann")).collect();
        assert_eq!(behind(&messages, 30).map(<[Cached]>::len), Some(20));
        assert_eq!((behind(&messages, 10).map(<[Cached]>::len), behind(&messages, 9)), (Some(40), None));
    }

    /// F-209: the bot is the assistant, people are named, what one speaker said on end is one turn.
    #[test]
    fn speakers_take_turns() {
        let made = turns(&[message(1, "Ann"), message(2, "Bob"), message(3, ""), message(4, ""), message(5, "Ann")]);
        let texts: Vec<&str> = made.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(texts, ["[from Ann]: m1\n[from Bob]: m2", "m3\nm4", "[from Ann]: m5"]);
        assert_eq!(made[1].speaker(), pb::ChatSpeaker::Assistant);
    }
}

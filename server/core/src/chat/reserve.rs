//! What a call will cost at most, told before it is made. What it did cost settles the account behind it.

use crate::output::TokenUsage;

use super::message::{Block, Message, ToolSpec};

/// Bytes of a token of our own text, the prompt and the tools' descriptions: English and JSON, of which every tokeniser makes fewer. Foreign text may be
/// anything, and no tokeniser makes more tokens of it than it has bytes.
const OWN_BYTES: u64 = 2;
/// Most tokens that a provider puts around a message, a part of one, or a tool.
const FRAME: u64 = 16;
/// Most tokens that a provider adds to a request, its own words about tools among them.
const PREFACE: u64 = 640;
/// A provider that counts less than a token for so much of the bound did not count everything, for example what it had cached: it teaches nothing.
const IMPLAUSIBLE: u64 = 8;
/// Least tokens that an answer must have room for; with less nothing useful is said.
pub(super) const LEAST_ANSWER: u64 = 64;

/// How much the last request was at most, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    /// The request under way: its bound.
    asked: u64,
    /// The last request with a known cost: its bound, and the tokens of its input.
    known: Option<(u64, u64)>,
}

impl Meter {
    /// Most tokens of the input of a request with this bound. Requests of a turn grow at their end, so one that is longer than one with a known cost
    /// costs no more than that and the bound of what was added.
    pub(super) fn expects(&self, bound: u64) -> u64 {
        match self.known {
            // The seam may fall otherwise than where the old request ended.
            Some((known, tokens)) => tokens.saturating_add(bound.saturating_sub(known)).saturating_add(FRAME),
            None => bound,
        }
    }

    /// A request with this bound is on its way.
    pub(super) const fn asks(&mut self, bound: u64) {
        self.asked = bound;
    }

    /// The request is answered. A provider that counts nothing, or not everything, teaches nothing.
    pub(super) fn settles(&mut self, used: TokenUsage) {
        let input = used.input.saturating_add(used.cache_read).saturating_add(used.cache_write);
        self.known = (input > self.asked / IMPLAUSIBLE).then_some((self.asked, input));
    }
}

/// The bound of a request: no provider makes more tokens of what it says and of the tools that it offers.
pub(super) fn bound(system: &str, messages: &[Message], tools: &[ToolSpec]) -> u64 {
    let block = |block: &Block| match block {
        Block::Text(text) => text.len(),
        Block::ToolUse(wanted) => wanted.id.len() + wanted.name.len() + serde_json::to_string(&wanted.input).map_or(0, |text| text.len()),
        Block::ToolResult(result) => result.id.len() + result.content.len(),
    };
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let blocks = || messages.iter().flat_map(|message| &message.blocks);
    let said: usize = blocks().map(block).sum();
    let offered: usize = tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.schema.to_string().len()).sum();
    let frames = count(messages.len() + blocks().count() + tools.len()).saturating_mul(FRAME);
    count(system.len() + offered).div_ceil(OWN_BYTES).saturating_add(count(said)).saturating_add(frames).saturating_add(PREFACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::{Speaker, ToolResult, ToolUse};

    /// chat R12: a call costs at most its bound, and at most what the last one did and the bound of what was added as soon as that is known.
    #[test]
    fn what_was_paid_teaches_what_will_be() {
        let mut meter = Meter::default();
        assert_eq!((meter.expects(0), meter.expects(401)), (0, 401));
        meter.asks(7);
        meter.settles(TokenUsage::default());
        assert_eq!(meter.expects(400), 400, "a provider that counts nothing of a little");
        meter.asks(1000);
        meter.settles(TokenUsage::default());
        assert_eq!(meter.expects(400), 400, "a provider that counts nothing");
        meter.settles(TokenUsage { input: 100, output: 900, ..TokenUsage::default() });
        assert_eq!(meter.expects(1001), 1001, "a provider that counts what it had not cached");
        meter.settles(TokenUsage { input: 100, cache_read: 350, cache_write: 50, output: 900 });
        assert_eq!((meter.expects(1000), meter.expects(2001)), (516, 1517));
        meter.settles(TokenUsage { input: u64::MAX, cache_read: 1, ..TokenUsage::default() });
        assert_eq!(meter.expects(u64::MAX), u64::MAX);
    }

    /// chat R12: the bound is a token for every byte that was said, one for every two of our own text, and what providers put around both.
    #[test]
    fn every_byte_is_in_the_bound() {
        let input = serde_json::Map::from_iter([("a".to_owned(), 1.into())]);
        let messages = [
            Message::text(Speaker::Person, "hello"),
            Message { speaker: Speaker::Model, blocks: vec![Block::ToolUse(ToolUse { id: "call_1".into(), name: "list".into(), input })] },
            Message {
                speaker: Speaker::Person,
                blocks: vec![Block::ToolResult(ToolResult { id: "call_1".into(), content: "[12]".into(), failed: false })],
            },
        ];
        let tools = [ToolSpec { name: "list".into(), description: "lists".into(), schema: serde_json::json!({}) }];
        let (own, said, frames) = (6 + (4 + 5 + 2), 5 + (6 + 4 + 7) + (6 + 4), 3 + 3 + 1);
        assert_eq!(bound("system", &messages, &tools), own / 2 + 1 + said + frames * FRAME + PREFACE);
    }
}

//! What a call will cost at least, told before it is made. What it did cost settles the account behind it.

use crate::output::TokenUsage;

use super::message::{Block, Message, ToolSpec};

/// Bytes of a token where nothing is known yet: English text and JSON have a little less than four.
const BYTES: u64 = 4;
/// Least tokens that an answer must have room for; with less nothing useful is said.
pub(super) const LEAST_ANSWER: u64 = 64;

/// How large requests were, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    /// The request under way, in bytes.
    asked: u64,
    /// The last request with a known cost: bytes, and tokens of its input.
    known: Option<(u64, u64)>,
}

impl Meter {
    /// Tokens of the input of a request of `bytes`, by what the last one cost.
    pub(super) fn expects(&self, bytes: u64) -> u64 {
        match self.known {
            Some((size, tokens)) => {
                let scaled = u128::from(bytes).saturating_mul(u128::from(tokens)).div_ceil(u128::from(size.max(1)));
                u64::try_from(scaled).unwrap_or(u64::MAX)
            }
            None => bytes.div_ceil(BYTES),
        }
    }

    /// A request of `bytes` is on its way.
    pub(super) const fn asks(&mut self, bytes: u64) {
        self.asked = bytes;
    }

    /// The request is answered. A provider that counts nothing teaches nothing.
    pub(super) fn settles(&mut self, used: TokenUsage) {
        let input = used.input.saturating_add(used.cache_read).saturating_add(used.cache_write);
        if input > 0 {
            self.known = Some((self.asked, input));
        }
    }
}

/// The bytes of a request: what it says, and the tools that it offers.
pub(super) fn size(system: &str, messages: &[Message], tools: &[ToolSpec]) -> u64 {
    let block = |block: &Block| match block {
        Block::Text(text) => text.len(),
        Block::ToolUse(wanted) => wanted.name.len() + serde_json::to_string(&wanted.input).map_or(0, |text| text.len()),
        Block::ToolResult(result) => result.content.len(),
    };
    let said: usize = messages.iter().flat_map(|message| &message.blocks).map(block).sum();
    let offered: usize = tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.schema.to_string().len()).sum();
    u64::try_from(system.len() + said + offered).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// chat R12: what a call will cost follows from its size, and from what the last one cost as soon as that is known.
    #[test]
    fn what_was_paid_teaches_what_will_be() {
        let mut meter = Meter::default();
        assert_eq!((meter.expects(0), meter.expects(401)), (0, 101));
        meter.asks(1000);
        meter.settles(TokenUsage::default());
        assert_eq!(meter.expects(400), 100, "a provider that counts nothing");
        meter.settles(TokenUsage { input: 100, cache_read: 350, cache_write: 50, output: 900 });
        assert_eq!((meter.expects(1000), meter.expects(2001)), (500, 1001));
        meter.settles(TokenUsage { input: u64::MAX, cache_read: 1, ..TokenUsage::default() });
        assert_eq!(meter.expects(u64::MAX), u64::MAX);
    }
}

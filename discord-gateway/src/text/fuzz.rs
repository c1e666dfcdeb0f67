//! Texts that nobody would write, on their way to Discord.

use super::properties::message;
use crate::mutate::{corpus, mutants, tell};

const TEXTS: [&str; 3] = [
    "\u{20}before\n```rust\nlet x = 1;\nlet y = 2;\n```\nafter, and a long line of words that goes on and on and on and on and on and on and on",
    "\u{50}## Chapter\n\nwords @everyone <@12> <#3>\n\n### Another\n- a\n- b\n",
    "\u{1}\u{1b}[31mred\u{1b}[0m \u{202e} `a` ``b`` ```\n",
];
const SPICES: [&str; 13] = ["```", "``", "`", "\n", "\n## ", "@everyone", "@here", "<@&1>", "<#1>", "\u{1b}[", "\u{1b}]", "🦀", "\u{202e}"];

/// Text R1, R2, R3, F-214: whatever somebody writes.
#[test]
fn any_text_is_harmless() {
    corpus("messages").iter().for_each(|bytes| message(bytes));
    let seeds = TEXTS.map(|text| text.as_bytes().to_vec());
    mutants(&seeds, &SPICES, 3_000).for_each(|bytes| message(&bytes));
    tell("messages of any shape", 3_000);
}

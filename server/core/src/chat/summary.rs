//! Summaries: older turns in few words, so that a long conversation goes on (F-179).

use super::message::{Message, Speaker};
use super::model::{ModelCall, Purpose};
use super::transcript::Said;

/// Most tokens of a summary.
pub const SUMMARY_TOKENS: u32 = 1024;

/// The system prompt of a summary.
pub const SUMMARY_SYSTEM: &str = "You shorten conversations. You answer with the summary and nothing else.";

/// The call that summarises `said`.
#[must_use]
pub fn summary_call(model: &str, said: &[Said]) -> ModelCall {
    let mut text = String::from(
        "Summarise the conversation below in at most fifteen short lines. Keep every name of a project, task, agent, branch and file exactly as written, \
         every decision with who took it, and every question that is still open. Leave out greetings and what was taken back.\n\n",
    );
    for said in said {
        let who = match said.speaker {
            Speaker::Model => "assistant",
            Speaker::Person if said.author.trim().is_empty() => "person",
            Speaker::Person => said.author.trim(),
        };
        text.push_str(who);
        text.push_str(": ");
        text.push_str(said.text.trim());
        text.push('\n');
    }
    ModelCall {
        purpose: Purpose::Summary,
        model: model.to_owned(),
        system: SUMMARY_SYSTEM.to_owned(),
        messages: vec![Message::text(Speaker::Person, text)],
        tools: Vec::new(),
        may_use_tools: false,
        must_use: None,
        max_tokens: SUMMARY_TOKENS,
    }
}

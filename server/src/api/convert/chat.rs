//! What happens in a turn of the chat, on the wire.

use aq_core::chat::{Ending, Outcome, Progress};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::chat_response::Event;

use super::words::timestamp;
use crate::api::talk::Told;
use crate::events::wire;

/// Longest arguments or answer of a tool that are shown, in bytes.
const SHOWN: usize = 4096;

fn shown(text: &str) -> String {
    let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

/// What the caller hears.
pub(in crate::api) fn told(told: Told, now: Timestamp) -> pb::ChatResponse {
    let event = match told {
        Told::Started { provider, model } => Event::Started(pb::ChatStarted { provider: provider.to_owned(), model }),
        Told::Quiet => Event::Heartbeat(pb::Heartbeat { last_seq: 0, time: Some(timestamp(now)) }),
        Told::Finished(outcome) => Event::Finished(finished(outcome)),
        Told::Progress(progress) => match progress {
            Progress::Round(number) => Event::Round(pb::ChatRound { number }),
            Progress::Notice(text) => Event::Notice(text),
            Progress::Thinking(text) => Event::Thinking(text),
            Progress::Text(text) => Event::Text(text),
            Progress::ToolBegun { id, name, input } => {
                let arguments_json = shown(&serde_json::Value::Object(input).to_string());
                Event::ToolBegun(pb::ChatToolBegun { use_id: id, tool: name, arguments_json })
            }
            Progress::ToolEnded { id, name, content, failed } => {
                Event::ToolEnded(pb::ChatToolEnded { use_id: id, tool: name, failed, result_json: shown(&content) })
            }
        },
    };
    pb::ChatResponse { event: Some(event) }
}

fn finished(outcome: Outcome) -> pb::ChatFinished {
    let ending = match outcome.ending {
        Ending::Answered => pb::ChatEnding::Answered,
        Ending::TooLong => pb::ChatEnding::TooLong,
        Ending::Refused => pb::ChatEnding::Refused,
        Ending::Rounds => pb::ChatEnding::Rounds,
        Ending::Tokens => pb::ChatEnding::Tokens,
        Ending::Loop => pb::ChatEnding::Loop,
    };
    let names = |failed: bool| outcome.steps.iter().filter(|step| step.failed == failed).map(|step| step.tool.clone()).collect();
    pb::ChatFinished {
        ending: ending.into(),
        rounds: outcome.rounds,
        tokens: Some(wire::tokens(outcome.tokens)),
        tools_done: names(false),
        tools_failed: names(true),
        text: outcome.text,
    }
}

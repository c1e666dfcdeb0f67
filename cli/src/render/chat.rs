//! Turns of the chat: tools, and how a turn ended.

use aq_proto::v1::{ChatEnding, ChatToolBegun, ChatToolEnded};

use crate::clean;

/// Longest arguments that are shown, in characters.
const SHOWN: usize = 160;

/// A tool that begins.
#[must_use]
pub(crate) fn begun(begun: &ChatToolBegun) -> String {
    let arguments = if begun.arguments_json == "{}" { String::new() } else { format!(" {}", clean::short(&begun.arguments_json, SHOWN)) };
    format!("· {}{arguments}", clean::line(&begun.tool))
}

/// A tool that failed, with its words.
#[must_use]
pub(crate) fn failed(ended: &ChatToolEnded) -> String {
    let told: Option<serde_json::Value> = serde_json::from_str(&ended.result_json).ok();
    let words = told.as_ref().and_then(|told| told.get("error")).and_then(serde_json::Value::as_str);
    format!("  {} did not work: {}", clean::line(&ended.tool), clean::short(words.unwrap_or(&ended.result_json), SHOWN))
}

/// What there is to know about how a turn ended; `None` when it ended as it should.
#[must_use]
pub(crate) const fn ending(ending: ChatEnding) -> Option<&'static str> {
    match ending {
        ChatEnding::Answered | ChatEnding::Unspecified => None,
        ChatEnding::TooLong => Some("the answer is longer than answers may be; the rest is missing"),
        ChatEnding::Refused => Some("the model refused"),
        ChatEnding::Rounds => Some("the rounds of a turn were used up; say `go on` to continue"),
        ChatEnding::Tokens => Some("the tokens of a turn were used up; say `go on` to continue"),
        ChatEnding::Loop => Some("the model got no further"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-175: tools are one line each, cut and cleaned; a failure is told in its words.
    #[test]
    fn tools_are_told_in_lines() {
        let begin =
            |arguments: &str| begun(&ChatToolBegun { use_id: "1".into(), tool: "stop_task".into(), arguments_json: arguments.into() });
        assert_eq!(begin("{}"), "· stop_task");
        assert_eq!(begin("{\"a\":\"\u{1b}[2J\n\"}"), "· stop_task {\"a\":\" \"}");
        assert_eq!(begin(&"x".repeat(500)).chars().count(), 12 + 1 + SHOWN);
        let ended = |result: &str| {
            failed(&ChatToolEnded { use_id: "1".into(), tool: "stop_task".into(), failed: true, result_json: result.into() })
        };
        assert_eq!(ended("{\"error\":\"task `x` not found\"}"), "  stop_task did not work: task `x` not found");
        assert_eq!(ended("nonsense"), "  stop_task did not work: nonsense");
    }
}

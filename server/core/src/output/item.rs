//! The items of a run's output, as they are stored and streamed.

use super::{LimitNotice, Question, TokenUsage};
use crate::time::Timestamp;

/// Longest text carried by one item, in bytes. Longer texts are cut at a character boundary and marked.
pub const MAX_ITEM_TEXT_BYTES: usize = 256 * 1024;

/// One piece of a run's output stream.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputItem {
    /// Position within the run, counted from 1 without holes.
    pub seq: u64,
    /// When the runner read it.
    pub at: Timestamp,
    /// What it is.
    pub body: OutputBody,
}

/// Which of the program's streams a plain line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What an output item is.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputBody {
    /// A note of Agent Queue itself: workspace prepared, committed, landed.
    Note {
        /// The note, one line.
        text: String,
    },
    /// The agent's session exists; `session_id` resumes it.
    SessionStarted {
        /// The session's id in the runtime's own words.
        session_id: String,
        /// The model, when the program names it.
        model: String,
        /// The program's version, when it names it.
        version: String,
    },
    /// Text of the agent.
    Text {
        /// The text, possibly several lines.
        text: String,
    },
    /// Reasoning of the agent.
    Thinking {
        /// The text, possibly several lines.
        text: String,
    },
    /// The agent uses a tool.
    ToolCall {
        /// Pairs the call with its result.
        call_id: String,
        /// The tool's name.
        name: String,
        /// The part of the input that people look at first: the command, the path, the pattern.
        summary: String,
        /// The whole input as JSON.
        input: String,
    },
    /// A tool answered.
    ToolResult {
        /// The call that this answers.
        call_id: String,
        /// True when the tool failed.
        is_error: bool,
        /// The answer, cut to [`MAX_ITEM_TEXT_BYTES`].
        text: String,
    },
    /// A plain line of a program that speaks no protocol, or a line that could not be read as one.
    Line {
        /// Where it came from.
        stream: LineStream,
        /// The line without its end.
        text: String,
        /// True when the line was longer than the limit and the rest is missing.
        truncated: bool,
    },
    /// Tokens were spent. `message_id` is unique within the run, so that a repeated report counts once.
    Usage {
        /// Names the message or turn that spent them.
        message_id: String,
        /// The model, when known.
        model: String,
        /// How many.
        tokens: TokenUsage,
        /// Cost in millionths of a US dollar, when the program states it.
        cost_micros: Option<u64>,
    },
    /// The provider spoke about a usage window.
    Limit(LimitNotice),
    /// The agent asks a person.
    Question(Question),
    /// A question was answered, withdrawn or timed out.
    QuestionClosed {
        /// The question's id.
        request_id: String,
        /// What was answered, in one line.
        answer: String,
    },
    /// A message of a person reached the agent.
    Delivered {
        /// The id that the sender gave it.
        message_id: String,
    },
    /// The agent or its program reported an error that did not end the run.
    Error {
        /// The message.
        text: String,
    },
    /// The program's own closing words.
    Result {
        /// True when the program claims success.
        success: bool,
        /// The summary.
        text: String,
    },
    /// A part of the output is missing, with the reason.
    Gap {
        /// Bytes of raw output that were dropped; 0 when unknown.
        bytes: u64,
        /// Why.
        reason: String,
    },
}

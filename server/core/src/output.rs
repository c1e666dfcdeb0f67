//! The normalised output of a run: the same items whatever program did the work.
//!
//! How a program's own lines become items lives in the runner's runtimes; how items are stored and streamed lives in the server.
//!
//! Spec: specs/server/core/output.md

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

/// Model tokens used, by kind. All counts are of one message or one turn, never running totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Input tokens that were not read from a cache.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write: u64,
}

impl TokenUsage {
    /// All kinds together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output).saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// Both together, kind by kind.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
        }
    }
}

/// How an account's usage window stands, as one message of the provider says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitStatus {
    /// Nothing to heed.
    Allowed,
    /// Close to the limit; work goes on.
    Warning,
    /// Refused until the reset instant.
    Rejected,
}

impl LimitStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Warning, Self::Rejected];

    /// The name used in the API and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Warning => "warning",
            Self::Rejected => "rejected",
        }
    }

    /// Reads a name written by [`LimitStatus::as_str`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a provider said about one usage window.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitNotice {
    /// The provider's name of the window, for example `five_hour`; `unknown` when it gave none.
    pub window: String,
    /// How the window stands.
    pub status: LimitStatus,
    /// Used part of the window from 0.0 to 1.0, when known.
    pub used: Option<f64>,
    /// When the window opens again, when known.
    pub resets_at: Option<Timestamp>,
    /// Where this was read from, for example `rate_limit_event`, `text`, `http_429`.
    pub source: String,
}

/// One choice offered with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionOption {
    /// The label to answer with.
    pub label: String,
    /// What it means; empty when the agent gave no explanation.
    pub description: String,
}

/// What an agent asks of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// A question with options or free text.
    Question,
    /// May this tool be used with this input?
    Permission,
    /// Is this plan accepted?
    PlanApproval,
}

impl QuestionKind {
    /// What happens when nobody answers in time: the tool is not used (`deny`), or the agent is freed and the task waits (`pause`, `wait`).
    #[must_use]
    pub const fn default_action(self) -> &'static str {
        match self {
            Self::Permission => "deny",
            Self::Question => "pause",
            Self::PlanApproval => "wait",
        }
    }
}

/// A question of the agent that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Names the question within the run; an answer carries it.
    pub request_id: String,
    /// What is asked.
    pub kind: QuestionKind,
    /// The question in words.
    pub text: String,
    /// For a permission: the tool. Empty otherwise.
    pub tool: String,
    /// For a permission: the tool's input as JSON, else what the program prepared for people. For a plan: the plan. Empty otherwise.
    pub detail: String,
    /// The offered choices; empty for free text.
    pub options: Vec<QuestionOption>,
}

/// What the names of questions that are asked over MCP begin with. No program's own names do.
const OVER_MCP: &str = "mcp-";

impl Question {
    /// The name of the `number`th question that a run asks over MCP.
    #[must_use]
    pub fn name_over_mcp(number: usize) -> String {
        format!("{OVER_MCP}{number}")
    }

    /// True for a question that was asked over MCP: the agent comes for the answer, its program knows of none.
    #[must_use]
    pub fn is_fetched(&self) -> bool {
        self.request_id.starts_with(OVER_MCP)
    }
}

/// Why a run ended without success, in classes that decide what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// The provider does not accept the credentials.
    Auth,
    /// The provider wants money.
    Billing,
    /// The agent reached a turn, context or cost limit of its own.
    Exhausted,
    /// The provider is overloaded or answers with server errors.
    Overloaded,
    /// The request itself was refused as invalid (unknown model, bad argument).
    InvalidRequest,
    /// The program could not be started.
    Spawn,
    /// The program ended without an explicit result.
    Incomplete,
    /// The program said that it failed, or ended with a non-zero exit code.
    Agent,
    /// The wall-clock limit of the run was reached.
    Timeout,
    /// The run printed nothing for longer than the silence limit.
    Silence,
    /// The workspace could not be prepared.
    Workspace,
    /// The run's process and its exit record are gone.
    Lost,
    /// A test command failed.
    Verification,
    /// An error of ours.
    Internal,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 14] = [
        Self::Auth,
        Self::Billing,
        Self::Exhausted,
        Self::Overloaded,
        Self::InvalidRequest,
        Self::Spawn,
        Self::Incomplete,
        Self::Agent,
        Self::Timeout,
        Self::Silence,
        Self::Workspace,
        Self::Lost,
        Self::Verification,
        Self::Internal,
    ];

    /// The name used in the API and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Billing => "billing",
            Self::Exhausted => "exhausted",
            Self::Overloaded => "overloaded",
            Self::InvalidRequest => "invalid_request",
            Self::Spawn => "spawn",
            Self::Incomplete => "incomplete",
            Self::Agent => "agent",
            Self::Timeout => "timeout",
            Self::Silence => "silence",
            Self::Workspace => "workspace",
            Self::Lost => "lost",
            Self::Verification => "verification",
            Self::Internal => "internal",
        }
    }

    /// What helps, one sentence for people (F-162).
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Auth => "log the agent's account in again, then resume the agent",
            Self::Billing => "settle the account with its provider, then resume the agent",
            Self::Exhausted => "split the task into smaller ones, or raise the agent's own limits",
            Self::Overloaded => "wait: the provider has trouble, and the task is tried again by itself",
            Self::InvalidRequest => "correct the agent's profile: the program or the provider refused its arguments",
            Self::Spawn => "install the agent's program or correct its path in the agent's profile, then resume the agent",
            Self::Incomplete => "read the end of the run's output: the program ended without saying how it went",
            Self::Agent => "read the run's output, say more precisely what is wanted, then restart the task with feedback",
            Self::Timeout => "split the task into smaller ones, or raise the limit of a run's time",
            Self::Silence => "look for a program that waited for input, or raise the limit of a run's silence",
            Self::Workspace => "look at the repository and its workspace: aqctl git status, aqctl doctor",
            Self::Lost => "nothing: the run was lost with its machine, and the task is tried again by itself",
            Self::Verification => "read what the check said; the next try is told the same",
            Self::Internal => "look into the server's log; report it if it comes up again",
        }
    }

    /// Reads a name written by [`FailureClass::as_str`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// output R3 to R5: totals never overflow, and names read back.
    #[test]
    fn names_and_totals() {
        let usage = TokenUsage { input: u64::MAX, output: 1, cache_read: 2, cache_write: 3 };
        assert_eq!(usage.total(), u64::MAX);
        let few = TokenUsage { input: 1, output: 2, cache_read: 3, cache_write: 4 };
        assert_eq!((few.total(), usage.plus(few)), (10, TokenUsage { input: u64::MAX, output: 3, cache_read: 5, cache_write: 7 }));
        for status in LimitStatus::ALL {
            assert_eq!(LimitStatus::parse(status.as_str()), Some(status));
        }
        for class in FailureClass::ALL {
            assert_eq!(FailureClass::parse(class.as_str()), Some(class));
            assert!(class.hint().split(' ').count() > 4, "F-162: {class:?}");
        }
        assert_eq!(FailureClass::parse("Timeout"), None);
    }

    /// output R6: only a permission is denied when nobody answers.
    #[test]
    fn nobody_answers() {
        let kinds = [QuestionKind::Permission, QuestionKind::Question, QuestionKind::PlanApproval];
        assert_eq!(kinds.map(QuestionKind::default_action), ["deny", "pause", "wait"]);
    }

    /// output R6: a question that was asked over MCP is told by its name from those of the program.
    #[test]
    fn questions_over_mcp_are_told_by_their_names() {
        let fetched = |request_id: String| {
            let (text, tool, detail) = (String::new(), String::new(), String::new());
            Question { request_id, kind: QuestionKind::Question, text, tool, detail, options: Vec::new() }.is_fetched()
        };
        assert_eq!((fetched(Question::name_over_mcp(1)), fetched("toolu_1".to_owned())), (true, false));
        assert_ne!(Question::name_over_mcp(1), Question::name_over_mcp(2));
    }
}

//! The state machine that reads what one run prints.
//!
//! Spec: specs/server/runner/runtimes.md

use aq_core::output::OutputBody;
use aq_core::runner_link::{Answer, RunOutcome, SessionOrder, StopReason};

use crate::shim::TimedOut;
use crate::spool::RawLine;

/// Bytes for a program's standard input. The shim delivers each id once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Names the frame within the run.
    pub id: String,
    /// The bytes, line ends included.
    pub bytes: Vec<u8>,
}

/// What one line means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Items, in order.
    pub items: Vec<OutputBody>,
    /// What the program must be told because of the line.
    pub frames: Vec<Frame>,
}

impl From<OutputBody> for Step {
    fn from(item: OutputBody) -> Self {
        Self { items: vec![item], frames: Vec::new() }
    }
}

/// What should happen to the program's standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StdinWish {
    /// It stays as it is.
    #[default]
    Hold,
    /// It is closed when this many milliseconds have passed and the wish is still the same.
    CloseAfter {
        /// Milliseconds; 0 closes at once.
        ms: u64,
    },
}

/// What the normaliser wants of the process right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The program's input.
    pub stdin: StdinWish,
    /// A person is being waited for: silence is no fault.
    pub patient: bool,
    /// The run cannot succeed any more: end it instead of waiting.
    pub give_up: bool,
}

/// How the process ended, as far as its outcome depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExitFacts {
    /// The program's exit code; `None` when a signal ended it or it never ran.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Why it could not be started.
    pub spawn_error: Option<String>,
    /// Why we stopped it, if we did.
    pub stopped: Option<StopReason>,
    /// The limit of the shim that ended it.
    pub timed_out: Option<TimedOut>,
}

impl ExitFacts {
    /// The ending in words: `exit code 3`, `signal 9`.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.exit_code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit status".to_owned(),
        }
    }
}

/// The end of a run's output.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The last items.
    pub items: Vec<OutputBody>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The run should be launched once more with this session instead of ending.
    pub relaunch: Option<SessionOrder>,
}

impl End {
    /// An end without more items.
    #[must_use]
    pub const fn of(outcome: RunOutcome) -> Self {
        Self { items: Vec::new(), outcome, relaunch: None }
    }
}

/// What became of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// The questions that are settled by it, as `QuestionClosed`.
    pub closed: Vec<OutputBody>,
    /// How it is told to the program; `None` while it waits for answers that are asked together with it.
    pub frame: Option<Frame>,
}

/// Reads the raw lines of one launch in order (runtimes R2, R3).
pub trait Normalizer: Send + Sync {
    /// Reads a line.
    fn line(&mut self, line: &RawLine) -> Step;

    /// The process is gone and every line was read.
    fn end(&mut self, exit: &ExitFacts) -> End;

    /// What it wants of the process now.
    fn wishes(&self) -> Wishes;

    /// Everything it knows, for [`super::Runtime::restore`].
    fn state(&self) -> serde_json::Value;

    /// Takes an answer of a person; `None` when no such question is open.
    fn answer(&mut self, request_id: &str, answer: &Answer) -> Option<Answered>;

    /// How a message of a person is told to the program; `None` when it takes none (any more). No frame at all: it is kept, and told later
    /// by a [`Step`].
    fn message(&mut self, message_id: &str, text: &str) -> Option<Vec<Frame>>;

    /// How the program is asked to stop politely; `None` when it cannot be asked.
    fn interrupt(&self) -> Option<Frame>;
}

//! What is read out of a plan: its steps, and how they were found.

/// The line that a phase's description begins with.
pub const PHASE_MARKER: &str = "**Steps in this phase:**";

/// One step of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The title without marks, one line.
    pub title: String,
    /// The heading or item as it was written; of a phase, the first one's.
    pub heading: String,
    /// The line of the document that it begins on, from 0; of a phase, the first one's. `None`: a model proposed it.
    pub line: Option<usize>,
    /// What is to be done.
    pub description: String,
    /// Its place among the steps, from 0.
    pub priority_hint: i32,
}

/// How steps were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Headings below a section that announces steps.
    ImplementationSection,
    /// Headings of the document.
    Headings,
    /// A numbered list.
    NumberedList,
    /// The whole document is one step.
    WholeDocument,
    /// A model proposed them (F-126).
    Model,
    /// There is nothing to do.
    Nothing,
}

impl Strategy {
    /// The name used in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImplementationSection => "implementation_section",
            Self::Headings => "headings",
            Self::NumberedList => "numbered_list",
            Self::WholeDocument => "whole_document",
            Self::Model => "model",
            Self::Nothing => "nothing",
        }
    }
}

/// What a document says is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// How the steps were found.
    pub strategy: Strategy,
    /// The steps, at most the limit.
    pub steps: Vec<Step>,
    /// Titles of the steps beyond the limit (F-127): they are told, never lost in silence.
    pub dropped: Vec<String>,
    /// Titles of sections that were left out because they inform or are too short.
    pub left_out: Vec<String>,
    /// True when the document was longer than is read.
    pub truncated: bool,
}

//! Plans that agents write: how a document becomes steps, how good it is, and how a step reads as a task.
//!
//! Finding the document in a work directory lives in the runner; keeping plans and making tasks of them in the server.
//!
//! Spec: specs/server/core/plan.md

mod consolidate;
mod document;
mod finished;
mod parse;
mod port;
mod quality;
mod report;
mod seek;
mod state;
mod step;
mod subtask;
mod title;

pub use consolidate::MOST_PHASES;
pub use document::{MAX_PLAN_BYTES, within_limit};
pub use finished::is_finished_work;
pub use parse::{MIN_BODY_CHARS, parse, reading};
pub use port::{PlanParser, PlanParserError, ProposedStep, adopt};
pub use quality::{looks_actionable, quality};
pub use report::{QualityReport, report};
pub use seek::{PATTERNS, Pattern, TOLD_PATH, announces_a_plan, pattern};
pub use state::{PlanSource, PlanState};
pub use step::{PHASE_MARKER, Parsed, Step, Strategy};
pub use subtask::{Announced, Subtask, SubtaskRules, announcement, content_hash, preamble, subtasks};
pub use title::{clean_title, is_non_actionable};

#[cfg(test)]
mod tests;

//! From runs to ends: each run ended as its script says or as a strike explains, and each task ended as its runs say.
//!
//! What failures lead to is worked out here anew, by the words of specs/server/core/task.md (R6, R7).

use std::collections::BTreeMap;

use aq_proto::v1 as pb;
use pb::FailureClass;

use super::books::{Books, Known};
use super::figures::Figures;
use super::work::Kind;

/// So many equal failures in a row block a task.
const EQUAL: u32 = 3;

/// So many equal faults of the surroundings, which use no try, do.
const EQUAL_SURROUNDINGS: u32 = 10;

/// What failures have led to so far.
#[derive(Debug, Default)]
struct Course {
    tries: u32,
    /// Equal failures in a row, and what they have in common.
    row: u32,
    last: Option<(FailureClass, String)>,
    blocked: bool,
}

impl Course {
    /// One more failure.
    fn failed(&mut self, run: &pb::Run, max_retries: u32) {
        let failure = (run.failure_class(), without_numbers(&run.message));
        self.row = if self.last.as_ref() == Some(&failure) { self.row + 1 } else { 1 };
        match failure.0 {
            FailureClass::Lost | FailureClass::Workspace | FailureClass::Overloaded => self.blocked = self.row >= EQUAL_SURROUNDINGS,
            FailureClass::Auth | FailureClass::Billing | FailureClass::InvalidRequest | FailureClass::Spawn | FailureClass::Timeout => {
                self.blocked = true;
            }
            _ => {
                self.tries += 1;
                self.blocked = self.tries >= max_retries || self.row >= EQUAL;
            }
        }
        self.last = Some(failure);
    }
}

/// Failures are equal when they differ in numbers, spacing and case only.
fn without_numbers(message: &str) -> String {
    let mut text = String::new();
    for char in message.to_lowercase().chars() {
        let char = match char {
            _ if char.is_numeric() => '#',
            _ if char.is_whitespace() => ' ',
            _ => char,
        };
        if !(matches!(char, '#' | ' ') && text.ends_with(char)) {
            text.push(char);
        }
    }
    text
}

/// Looks at every task.
pub(crate) fn look(tasks: &[pb::Task], runs: &[pb::Run], books: &Books, figures: &mut Figures) {
    let mut by_task: BTreeMap<&str, Vec<&pb::Run>> = BTreeMap::new();
    for run in runs {
        by_task.entry(&run.task_id).or_default().push(run);
    }
    let by_id: BTreeMap<&str, &pb::Task> = tasks.iter().map(|task| (task.id.as_str(), task)).collect();
    for known in books.known.values() {
        let Some(task) = by_id.get(known.id.as_str()) else { continue };
        let mut own = by_task.remove(known.id.as_str()).unwrap_or_default();
        own.sort_unstable_by_key(|run| run.number);
        one(known, task, &own, books, figures);
    }
}

/// One task with its runs in their order.
fn one(known: &Known, task: &pb::Task, runs: &[&pb::Run], books: &Books, figures: &mut Figures) {
    let name = format!("{} ({}, {:?})", known.wanted.key, known.id, known.wanted.kind);
    let mut course = Course::default();
    let mut own_failures = 0;
    for run in runs {
        if course.blocked {
            figures.violation(format!("run {} of {name} began although the runs before had to block it", run.number));
        }
        match run.outcome() {
            pb::RunOutcome::Succeeded => {}
            pb::RunOutcome::Failed => {
                if fails_by_itself(known.wanted.kind, own_failures, run) {
                    own_failures += 1;
                } else if !books.strikes.explain(run) {
                    let class = run.failure_class().as_str_name();
                    figures.violation(format!("run {} of {name} failed by nobody's doing: {class}: {}", run.number, run.message));
                }
                course.failed(run, task.max_retries.max(1));
            }
            other => figures.violation(format!("run {} of {name} ended as {}: {}", run.number, other.as_str_name(), run.message)),
        }
    }
    let blocked = task.status() == pb::TaskStatus::Blocked;
    if blocked != course.blocked {
        let (is, tries) = (task.status().as_str_name(), course.tries);
        figures.violation(format!("{name} is {is} after {tries} of {} tries and {} equal failures", task.max_retries, course.row));
    }
    if blocked && (task.block_reason(), task.retry_count) != (pb::BlockReason::RetriesExhausted, course.tries) {
        let (reason, tries) = (task.block_reason().as_str_name(), task.retry_count);
        figures.violation(format!("{name} is blocked by {reason} and counts {tries} tries where there were {}", course.tries));
    }
}

/// True when a run of this kind fails so without anybody's doing. `before`: how often the task has done so already.
fn fails_by_itself(kind: Kind, before: usize, run: &pb::Run) -> bool {
    match kind {
        Kind::Commits | Kind::LeavesOver | Kind::LeavesChild => false,
        Kind::Flaky => before == 0 && run.failure_class() == FailureClass::Agent,
        Kind::Fails => run.failure_class() == FailureClass::Agent,
        // When its work was committed by an earlier run, it fails by that.
        Kind::Crashes => matches!(run.failure_class(), FailureClass::Incomplete | FailureClass::Agent),
    }
}

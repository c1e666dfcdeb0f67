//! Tasks with what they wait for and what waits for them, as text (F-158).

use super::icon::status_emoji;
use super::line::{TEXT_BUDGET, one_line};
use crate::ids::TaskId;
use crate::task::TaskStatus;

/// A task as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyEntry {
    /// The task.
    pub id: TaskId,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: TaskStatus,
    /// What it waits for, with statuses.
    pub depends_on: Vec<(TaskId, TaskStatus)>,
    /// What waits for it.
    pub blocks: Vec<TaskId>,
}

impl DependencyEntry {
    fn lines(&self) -> String {
        let mut lines = vec![format!("{} #{}: {} [{}]", status_emoji(self.status), self.id, one_line(&self.title), self.status)];
        if !self.depends_on.is_empty() {
            let list: Vec<_> = self.depends_on.iter().map(|(id, status)| format!("#{id} ({status} {})", status_emoji(*status))).collect();
            lines.push(format!("   ↳ depends on: {}", list.join(", ")));
        }
        if !self.blocks.is_empty() {
            let list: Vec<_> = self.blocks.iter().map(|id| format!("#{id}")).collect();
            lines.push(format!("   ↳ blocks: {}", list.join(", ")));
        }
        lines.join("\n")
    }
}

/// The list in the order given, at most [`TEXT_BUDGET`] characters; what does not fit is counted in a last line (I-37).
#[must_use]
pub fn dependency_list(entries: &[DependencyEntry]) -> String {
    /// Room kept for the last line.
    const TAIL: usize = 40;
    let mut shown = Vec::new();
    let mut length = 0;
    for (index, entry) in entries.iter().enumerate() {
        let lines = entry.lines();
        let size = lines.chars().count() + 1;
        let is_last = index + 1 == entries.len();
        let room = if is_last { TEXT_BUDGET + 1 } else { TEXT_BUDGET - TAIL };
        if length + size > room {
            let more = entries.len() - index;
            let noun = if more == 1 { "task" } else { "tasks" };
            shown.push(format!("… ({more} more {noun})"));
            break;
        }
        length += size;
        shown.push(lines);
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, depends_on: &[&str], blocks: &[&str]) -> DependencyEntry {
        DependencyEntry {
            id: TaskId::from_trusted(id),
            title: format!("Title\n{id}"),
            status: TaskStatus::Defined,
            depends_on: depends_on.iter().map(|id| (TaskId::from_trusted(id), TaskStatus::Completed)).collect(),
            blocks: blocks.iter().map(|id| TaskId::from_trusted(id)).collect(),
        }
    }

    /// F-158, D-75.
    #[test]
    fn lists_are_exact() {
        let text = dependency_list(&[entry("a", &["x", "y"], &["z"]), entry("b", &[], &[])]);
        let expected = "⚪ #a: Title a [DEFINED]
   ↳ depends on: #x (COMPLETED 🟢), #y (COMPLETED 🟢)
   ↳ blocks: #z
⚪ #b: Title b [DEFINED]";
        assert_eq!(text, expected);
        assert_eq!(dependency_list(&[]), "");
    }

    /// F-158: the budget is kept and the rest is counted.
    #[test]
    fn the_budget_is_kept() {
        let entries: Vec<_> = (0..300).map(|n| entry(&format!("task-{n}"), &["x"], &["y"])).collect();
        let text = dependency_list(&entries);
        assert!(text.chars().count() <= TEXT_BUDGET);
        let shown = text.lines().filter(|line| line.starts_with('⚪')).count();
        assert!(text.ends_with(&format!("… ({} more tasks)", 300 - shown)), "{text}");
        let single = [entry(&"x".repeat(3_000), &[], &[])];
        assert_eq!(dependency_list(&single), "… (1 more task)");
    }

    /// render R4: a list may fill the budget to the last character.
    #[test]
    fn a_list_may_be_as_long_as_the_budget() {
        let two =
            |title: usize| dependency_list(&[entry("a", &[], &[]), DependencyEntry { title: "x".repeat(title), ..entry("b", &[], &[]) }]);
        let rest = two(0).chars().count();
        let (whole, longer) = (two(TEXT_BUDGET - rest), two(TEXT_BUDGET - rest + 1));
        assert_eq!((whole.chars().count(), longer.as_str()), (TEXT_BUDGET, "⚪ #a: Title a [DEFINED]\n… (1 more task)"));
    }
}

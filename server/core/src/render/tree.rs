//! A task with its descendants as text (F-159).

use super::icon::status_emoji;
use super::line::{TEXT_BUDGET, one_line};
use crate::ids::TaskId;
use crate::task::TaskStatus;

/// Levels shown below the root when nobody says otherwise.
pub const DEFAULT_TREE_DEPTH: usize = 4;

/// A task as a tree shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeNode {
    /// The task.
    pub id: TaskId,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: TaskStatus,
    /// What it waits for; empty when edges are not shown.
    pub needs: Vec<TaskId>,
    /// What waits for it; empty when edges are not shown.
    pub blocks: Vec<TaskId>,
    /// Its subtasks, in order.
    pub children: Vec<Self>,
}

impl TreeNode {
    /// Completed and all descendants, the node itself left out.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let (mut completed, mut total) = (0, 0);
        let mut open: Vec<&Self> = self.children.iter().collect();
        while let Some(node) = open.pop() {
            total += 1;
            completed += usize::from(node.status == TaskStatus::Completed);
            open.extend(&node.children);
        }
        (completed, total)
    }

    fn edges(&self) -> String {
        let list = |ids: &[TaskId]| ids.iter().map(|id| format!("#{id}")).collect::<Vec<_>>().join(", ");
        match (self.needs.is_empty(), self.blocks.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!(" (← needs {})", list(&self.needs)),
            (true, false) => format!(" (← blocks {})", list(&self.blocks)),
            (false, false) => format!(" (← needs {}, blocks {})", list(&self.needs), list(&self.blocks)),
        }
    }
}

fn head(root: &TreeNode) -> Vec<String> {
    let mut lines = vec![format!("{} **{}** `{}`{}", status_emoji(root.status), one_line(&root.title), root.id, root.edges())];
    let (completed, total) = root.progress();
    if total > 0 {
        lines.push(format!("  {completed}/{total} subtasks complete"));
    }
    lines
}

/// The root and a summary, two lines at most.
#[must_use]
pub fn compact_tree(root: &TreeNode) -> String {
    head(root).join("\n")
}

fn branch(lines: &mut Vec<String>, node: &TreeNode, indent: &str, depth: usize) {
    for (index, child) in node.children.iter().enumerate() {
        let last = index + 1 == node.children.len();
        let connector = if last { "└── " } else { "├── " };
        lines.push(format!("{indent}{connector}{} {}{}", status_emoji(child.status), one_line(&child.title), child.edges()));
        if child.children.is_empty() {
            continue;
        }
        let below = format!("{indent}{}", if last { "    " } else { "│   " });
        if depth > 1 {
            branch(lines, child, &below, depth - 1);
        } else {
            let (completed, total) = child.progress();
            lines.push(format!("{below}└── … ({total} more subtasks, {completed} complete)"));
        }
    }
}

/// The tree down to `max_depth` levels below the root. When it is longer than [`TEXT_BUDGET`] characters, one level less is shown until
/// it fits; when not even one level fits, the compact form.
#[must_use]
pub fn task_tree(root: &TreeNode, max_depth: usize) -> String {
    for depth in (1..=max_depth.min(64)).rev() {
        let mut lines = head(root);
        branch(&mut lines, root, "", depth);
        let text = lines.join("\n");
        if text.chars().count() <= TEXT_BUDGET {
            return text;
        }
    }
    compact_tree(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, status: TaskStatus, children: Vec<TreeNode>) -> TreeNode {
        let title = format!("Title {id}");
        TreeNode { id: TaskId::from_trusted(id), title, status, needs: vec![], blocks: vec![], children }
    }

    fn sample() -> TreeNode {
        let mut b =
            node("b", TaskStatus::InProgress, vec![node("b1", TaskStatus::Completed, vec![]), node("b2", TaskStatus::Defined, vec![])]);
        b.needs = vec![TaskId::from_trusted("a")];
        b.blocks = vec![TaskId::from_trusted("c"), TaskId::from_trusted("d")];
        node("root", TaskStatus::Completed, vec![node("a", TaskStatus::Completed, vec![]), b, node("c", TaskStatus::Blocked, vec![])])
    }

    /// F-159: connectors, counts, edges.
    #[test]
    fn trees_are_exact() {
        let expected = "🟢 **Title root** `root`
  2/5 subtasks complete
├── 🟢 Title a
├── 🟡 Title b (← needs #a, blocks #c, #d)
│   ├── 🟢 Title b1
│   └── ⚪ Title b2
└── ⛔ Title c";
        assert_eq!(task_tree(&sample(), DEFAULT_TREE_DEPTH), expected);
    }

    /// F-159: at the depth limit the rest is counted.
    #[test]
    fn the_depth_limit_counts_what_it_hides() {
        let text = task_tree(&sample(), 1);
        assert!(text.contains("│   └── … (2 more subtasks, 1 complete)"), "{text}");
        assert_eq!(compact_tree(&sample()), "🟢 **Title root** `root`\n  2/5 subtasks complete");
        let chain = ["c", "b", "a"].into_iter().fold(vec![], |below, id| vec![node(id, TaskStatus::Ready, below)]);
        let deep = task_tree(&node("root", TaskStatus::Ready, chain), 2);
        assert!(deep.ends_with("└── 🔵 Title a\n    └── 🔵 Title b\n        └── … (1 more subtasks, 0 complete)"), "{deep}");
        assert_eq!(compact_tree(&node("leaf", TaskStatus::Ready, vec![])), "🔵 **Title leaf** `leaf`", "nothing below is not counted");
    }

    /// F-159: the budget takes levels away, then everything but the summary.
    #[test]
    fn the_budget_is_kept() {
        let leaves = |n: usize, count: usize| (0..count).map(|k| node(&format!("l{n}-{k}"), TaskStatus::Ready, vec![])).collect();
        let wide = node("root", TaskStatus::Ready, (0..20).map(|n| node(&format!("n{n}"), TaskStatus::Ready, leaves(n, 10))).collect());
        let text = task_tree(&wide, 4);
        assert!(text.chars().count() <= TEXT_BUDGET && text.contains("… (10 more subtasks, 0 complete)"));
        let huge = node("root", TaskStatus::Ready, leaves(0, 500));
        assert_eq!(task_tree(&huge, 4), "🔵 **Title root** `root`\n  0/500 subtasks complete");
    }
}

//! Task trees with connectors and a progress bar (F-159).

use aq_proto::v1::{GetTaskTreeResponse, TaskTreeNode};

use super::{task, tone};
use crate::clean;
use crate::look::{Look, Tone};
use crate::words;

/// A tree. `compact` shows only the root with its progress.
#[must_use]
pub(crate) fn tree(look: &Look, compact: bool, answer: &GetTaskTreeResponse) -> String {
    let Some((root, rest)) = answer.nodes.split_first() else { return String::new() };
    let mut lines = vec![root.task.as_ref().map(|of| task::reference(look, of)).unwrap_or_default()];
    if answer.total > 0 {
        lines.push(look.paint(Tone::Dim, &clean::line(&format!("  {} subtasks complete", answer.progress_bar))));
    }
    if !compact {
        lines.extend(rest.iter().enumerate().map(|(index, node)| branch(look, node, rest.get(index + 1..).unwrap_or_default())));
        if answer.truncated {
            lines.push(look.paint(Tone::Warn, "  … more subtasks are not shown"));
        }
    }
    lines.join("\n")
}

/// A line of the tree; `after` are the nodes behind it, depth first.
fn branch(look: &Look, node: &TaskTreeNode, after: &[TaskTreeNode]) -> String {
    // A level goes on below this line when, before anything shallower, another node of that level follows.
    let goes_on = |depth: u32| after.iter().find(|other| other.depth <= depth).is_some_and(|other| other.depth == depth);
    let mut prefix = String::new();
    for depth in 1..node.depth {
        prefix.push_str(if goes_on(depth) { "│   " } else { "    " });
    }
    prefix.push_str(if goes_on(node.depth) { "├── " } else { "└── " });
    let Some(of) = &node.task else { return prefix };
    let mark = look.paint(tone::task(of.status), tone::mark(of.status));
    let status = words::upper::<aq_proto::v1::TaskStatus>(of.status);
    let needs = edges("needs", &node.depends_on);
    let blocks = edges("blocks", &node.blocks);
    let edges: Vec<String> = [needs, blocks].into_iter().flatten().collect();
    let edges = if edges.is_empty() { String::new() } else { format!(" (← {})", edges.join(", ")) };
    let id = look.paint(Tone::Dim, &clean::line(&format!("{} {status}", of.id)));
    format!("{}{mark} {} {id}{}", look.paint(Tone::Dim, &prefix), clean::line(&of.title), look.paint(Tone::Dim, &clean::line(&edges)))
}

fn edges(verb: &str, ids: &[String]) -> Option<String> {
    let ids: Vec<String> = ids.iter().map(|id| format!("#{id}")).collect();
    (!ids.is_empty()).then(|| format!("{verb} {}", ids.join(", ")))
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::{TaskRef, TaskStatus};

    use super::*;

    /// F-159: connectors, depth, edges, progress.
    #[test]
    fn a_tree() {
        let node = |id: &str, depth, status: TaskStatus, depends: &[&str]| TaskTreeNode {
            task: Some(TaskRef { id: id.into(), title: format!("Do {id}"), status: status.into() }),
            depth,
            depends_on: depends.iter().map(|id| (*id).to_owned()).collect(),
            ..Default::default()
        };
        let answer = GetTaskTreeResponse {
            nodes: vec![
                node("root", 0, TaskStatus::Completed, &[]),
                node("a", 1, TaskStatus::Completed, &[]),
                node("a1", 2, TaskStatus::Completed, &[]),
                node("a2", 2, TaskStatus::Blocked, &["a1"]),
                node("b", 1, TaskStatus::InProgress, &[]),
                node("b1", 2, TaskStatus::Defined, &["a", "a1"]),
            ],
            completed: 2,
            total: 5,
            progress_bar: "████░░░░░░ 40% (2/5)".into(),
            truncated: true,
            ..Default::default()
        };
        insta::assert_snapshot!(tree(&Look::plain(), false, &answer));
        insta::assert_snapshot!(tree(&Look::plain(), true, &answer));
    }
}

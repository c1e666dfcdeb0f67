//! The graph of dependencies: no cycles, and who waits behind a task that is stuck.
//!
//! Whether a task's dependencies are met is counted by the server as tasks complete; only COMPLETED meets one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::status::TaskStatus;
use crate::ids::TaskId;

/// A cycle, named by the edge that closes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cyclic dependency detected: {task} -> {depends_on}")]
pub struct CyclicDependency {
    /// The task that would wait.
    pub task: TaskId,
    /// The task it would wait for, which already waits for the first.
    pub depends_on: TaskId,
}

/// An edge that cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// A task cannot wait for itself.
    #[error("task {0} cannot depend on itself")]
    Itself(TaskId),
    /// The edge exists.
    #[error("task {task} already depends on {depends_on}")]
    Exists {
        /// The task that waits.
        task: TaskId,
        /// The task it waits for.
        depends_on: TaskId,
    },
    /// The edge closes a cycle.
    #[error(transparent)]
    Cycle(#[from] CyclicDependency),
}

/// Edges "the first waits for the second", without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DependencyGraph {
    waits_for: BTreeMap<TaskId, BTreeSet<TaskId>>,
}

impl FromIterator<(TaskId, TaskId)> for DependencyGraph {
    /// Collects edges (task, depends on) unchecked; see [`DependencyGraph::check`].
    fn from_iter<I: IntoIterator<Item = (TaskId, TaskId)>>(edges: I) -> Self {
        let mut waits_for: BTreeMap<TaskId, BTreeSet<TaskId>> = BTreeMap::new();
        for (task, depends_on) in edges {
            waits_for.entry(task).or_default().insert(depends_on);
        }
        Self { waits_for }
    }
}

impl DependencyGraph {
    /// The tasks that `task` waits for.
    pub fn dependencies(&self, task: &TaskId) -> impl Iterator<Item = &TaskId> {
        self.waits_for.get(task).into_iter().flatten()
    }

    /// Checks the whole graph for cycles, self edges included (F-010). The walk keeps its own stack, so depth is no limit.
    ///
    /// # Errors
    /// [`CyclicDependency`] names the back edge that the search met first, tasks taken in order of their ids.
    pub fn check(&self) -> Result<(), CyclicDependency> {
        let mut done: BTreeSet<&TaskId> = BTreeSet::new();
        for root in self.waits_for.keys() {
            if done.contains(root) {
                continue;
            }
            let mut open: BTreeSet<&TaskId> = BTreeSet::from([root]);
            let mut path = vec![(root, self.edges_of(root))];
            while let Some((task, edges)) = path.last_mut() {
                let task = *task;
                match edges.next() {
                    Some(next) if open.contains(next) => {
                        return Err(CyclicDependency { task: task.clone(), depends_on: next.clone() });
                    }
                    Some(next) if done.contains(next) => {}
                    Some(next) => {
                        open.insert(next);
                        path.push((next, self.edges_of(next)));
                    }
                    None => {
                        open.remove(task);
                        done.insert(task);
                        path.pop();
                    }
                }
            }
        }
        Ok(())
    }

    fn edges_of(&self, task: &TaskId) -> std::iter::Flatten<std::option::IntoIter<&BTreeSet<TaskId>>> {
        self.waits_for.get(task).into_iter().flatten()
    }

    /// Adds an edge, or leaves the graph as it is (F-011).
    ///
    /// # Errors
    /// [`EdgeError`] when the edge exists, is a self edge or closes a cycle.
    pub fn add(&mut self, task: &TaskId, depends_on: &TaskId) -> Result<(), EdgeError> {
        check_edge(task, depends_on, |id| self.waits_for.get(id).into_iter().flatten().cloned().collect())?;
        self.waits_for.entry(task.clone()).or_default().insert(depends_on.clone());
        Ok(())
    }
}

/// Checks one new edge against a graph that is reached through `dependencies_of`, which may read a store. Visits only what the
/// new dependency itself waits for (F-011).
///
/// # Errors
/// [`EdgeError`] when the edge exists, is a self edge or closes a cycle.
pub fn check_edge(task: &TaskId, depends_on: &TaskId, mut dependencies_of: impl FnMut(&TaskId) -> Vec<TaskId>) -> Result<(), EdgeError> {
    if task == depends_on {
        return Err(EdgeError::Itself(task.clone()));
    }
    if dependencies_of(task).contains(depends_on) {
        return Err(EdgeError::Exists { task: task.clone(), depends_on: depends_on.clone() });
    }
    let mut seen = BTreeSet::from([depends_on.clone()]);
    let mut open = vec![depends_on.clone()];
    while let Some(at) = open.pop() {
        for next in dependencies_of(&at) {
            if next == *task {
                return Err(CyclicDependency { task: task.clone(), depends_on: depends_on.clone() }.into());
            }
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Ok(())
}

/// The DEFINED tasks that can be reached from `root` over dependents through DEFINED tasks only, nearest first (F-012).
pub fn stuck_downstream(
    root: &TaskId,
    mut dependents_of: impl FnMut(&TaskId) -> Vec<TaskId>,
    mut status_of: impl FnMut(&TaskId) -> Option<TaskStatus>,
) -> Vec<TaskId> {
    let mut seen = BTreeSet::from([root.clone()]);
    let mut stuck = Vec::new();
    let mut open = VecDeque::from([root.clone()]);
    while let Some(at) = open.pop_front() {
        for next in dependents_of(&at) {
            if seen.contains(&next) || status_of(&next) != Some(TaskStatus::Defined) {
                continue;
            }
            seen.insert(next.clone());
            stuck.push(next.clone());
            open.push_back(next);
        }
    }
    stuck
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> TaskId {
        TaskId::from_trusted(text)
    }

    fn graph(edges: &[(&str, &str)]) -> DependencyGraph {
        edges.iter().map(|(task, dep)| (id(task), id(dep))).collect()
    }

    /// F-010.
    #[test]
    fn chains_and_diamonds_pass_and_cycles_name_their_edge() {
        assert_eq!(graph(&[("t2", "t1"), ("t3", "t2")]).check(), Ok(()));
        assert_eq!(graph(&[("t3", "t1"), ("t3", "t2"), ("t4", "t3")]).check(), Ok(()));
        let text = |edges: &[(&str, &str)]| graph(edges).check().unwrap_err().to_string();
        assert_eq!(text(&[("t1", "t1")]), "cyclic dependency detected: t1 -> t1");
        assert_eq!(text(&[("t1", "t2"), ("t2", "t1")]), "cyclic dependency detected: t2 -> t1");
        assert_eq!(text(&[("t1", "t2"), ("t2", "t3"), ("t3", "t1")]), "cyclic dependency detected: t3 -> t1");
    }

    /// F-011.
    #[test]
    fn a_refused_edge_leaves_the_graph_unchanged() {
        let mut edges = graph(&[("t2", "t1"), ("t3", "t2")]);
        let before = edges.clone();
        let error = edges.add(&id("t1"), &id("t3")).unwrap_err();
        assert_eq!(error.to_string(), "cyclic dependency detected: t1 -> t3");
        assert_eq!(edges.add(&id("t2"), &id("t2")), Err(EdgeError::Itself(id("t2"))));
        assert_eq!(edges.add(&id("t2"), &id("t1")), Err(EdgeError::Exists { task: id("t2"), depends_on: id("t1") }));
        assert_eq!(edges, before);
        assert_eq!(edges.add(&id("t3"), &id("t1")), Ok(()));
    }

    /// F-010: a long chain does not overflow the stack, and a task that many ways lead to is looked at once.
    #[test]
    fn depth_is_no_limit() {
        let chain: DependencyGraph = (0..50_000).map(|n| (id(&format!("t{n:06}")), id(&format!("t{:06}", n + 1)))).collect();
        assert_eq!(chain.check(), Ok(()));
        let ways = |n: u32| [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")].map(|(from, to)| (format!("{from}{n}"), format!("{to}{n}")));
        let ladder = (0..60).flat_map(|n| ways(n).into_iter().chain([(format!("d{n}"), format!("a{}", n + 1))]));
        assert_eq!(ladder.map(|(from, to)| (id(&from), id(&to))).collect::<DependencyGraph>().check(), Ok(()));
    }

    /// F-012.
    #[test]
    fn the_walk_goes_on_only_through_defined() {
        let dependents = |at: &TaskId| match at.as_str() {
            "root" => vec![id("a"), id("done"), id("b")],
            "a" => vec![id("c"), id("b"), id("root")],
            "done" => vec![id("hidden")],
            _ => vec![],
        };
        let status = |at: &TaskId| Some(if at.as_str() == "done" { TaskStatus::Completed } else { TaskStatus::Defined });
        assert_eq!(stuck_downstream(&id("root"), dependents, status), [id("a"), id("b"), id("c")]);
    }

    proptest! {
        /// F-011: whatever edges are offered, the graph never holds a cycle.
        #[test]
        fn adding_never_makes_a_cycle(edges in prop::collection::vec((0_u8..12, 0_u8..12), 0..80)) {
            let mut kept = DependencyGraph::default();
            for (from, to) in edges {
                let (from, to) = (id(&format!("t{from}")), id(&format!("t{to}")));
                let mut unchecked = kept.clone();
                unchecked.waits_for.entry(from.clone()).or_default().insert(to.clone());
                match kept.add(&from, &to) {
                    Ok(()) => prop_assert_eq!(unchecked.check(), Ok(())),
                    Err(EdgeError::Cycle(_) | EdgeError::Itself(_)) => prop_assert!(unchecked.check().is_err()),
                    Err(EdgeError::Exists { .. }) => prop_assert_eq!(&unchecked, &kept),
                }
            }
        }
    }
}

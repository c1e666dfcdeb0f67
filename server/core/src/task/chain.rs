//! Steps of a plan share one branch: which branch a task works on, when its work lands, and what a skip means for the others (F-083).
//!
//! Who waits for whom lives in `dependency`; reading the other steps is the caller's part.

use super::model::Task;
use crate::names::branch_name;
use crate::runner_link::LandMode;

/// The branch a task works on: the one it has; for a step of a plan its parent's, so that all steps work on one; else one of its own.
#[must_use]
pub fn branch_of(task: &Task, parent: Option<&Task>) -> String {
    let shared = parent.filter(|_| task.is_plan_subtask);
    match (&task.branch, shared) {
        (Some(branch), _) => branch.clone(),
        (None, Some(parent)) => parent.branch.clone().unwrap_or_else(|| branch_name(&parent.id, &parent.title)),
        (None, None) => branch_name(&task.id, &task.title),
    }
}

/// What happens to finished work. `unfinished` counts the other steps on the task's branch that are not COMPLETED: while there is one, a step only
/// commits; the last one lands them all together. Work that needs approval stays on its branch until it is given.
#[must_use]
pub const fn land_mode(task: &Task, unfinished: usize) -> LandMode {
    if task.requires_approval || (task.is_plan_subtask && unfinished > 0) { LandMode::KeepBranch } else { LandMode::Merge }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{ProjectId, TaskId};
    use crate::time::Timestamp;

    fn task(id: &str, title: &str) -> Task {
        Task::new(TaskId::from_trusted(id), ProjectId::from_trusted("p"), title, "d", Timestamp::from_millis(0))
    }

    fn step(id: &str) -> Task {
        Task { is_plan_subtask: true, ..task(id, "Write tests") }
    }

    /// F-083: every step works on the parent's branch, whether the parent has run or not; a retry keeps the branch it began on.
    #[test]
    fn steps_share_the_branch_of_their_parent() {
        let mut parent = task("calm-river", "Plan the API");
        assert_eq!(branch_of(&step("a-b"), Some(&parent)), "calm-river/plan-the-api");
        parent.branch = Some("calm-river/other".into());
        assert_eq!(branch_of(&step("a-b"), Some(&parent)), "calm-river/other");
        assert_eq!(branch_of(&step("c-d"), Some(&parent)), "calm-river/other");
        let begun = Task { branch: Some("begun/here".into()), ..step("a-b") };
        assert_eq!(branch_of(&begun, Some(&parent)), "begun/here");
    }

    /// F-083: a subtask that is no step of a plan, and a step whose parent is gone, have branches of their own.
    #[test]
    fn others_have_branches_of_their_own() {
        let parent = task("calm-river", "Plan the API");
        assert_eq!(branch_of(&task("a-b", "Write tests"), Some(&parent)), "a-b/write-tests");
        assert_eq!(branch_of(&step("a-b"), None), "a-b/write-tests");
    }

    /// F-083: intermediate steps only commit; the last one lands; approval is heeded in either place.
    #[test]
    fn only_the_last_step_lands() {
        assert_eq!(land_mode(&step("a-b"), 2), LandMode::KeepBranch);
        assert_eq!(land_mode(&step("a-b"), 0), LandMode::Merge);
        assert_eq!(land_mode(&task("a-b", "t"), 5), LandMode::Merge, "no step: others on a branch of its name do not matter");
        for unfinished in [0, 1] {
            let asks = Task { requires_approval: true, ..step("a-b") };
            assert_eq!(land_mode(&asks, unfinished), LandMode::KeepBranch);
        }
    }

    proptest! {
        /// F-083: in whatever order the steps of a chain complete, exactly one of them lands, and it is the last.
        #[test]
        fn exactly_one_step_lands(order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle()) {
            let mut landed = Vec::new();
            for (done, which) in order.iter().enumerate() {
                if land_mode(&step(&format!("s-{which}")), order.len() - done - 1) == LandMode::Merge {
                    landed.push(*which);
                }
            }
            prop_assert_eq!(landed, vec![order[order.len() - 1]]);
        }
    }
}

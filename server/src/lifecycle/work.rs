//! What the hot state knows of the projects' work: which tasks may start, how many stand where, and whose turn it is.

use aq_core::ids::ProjectId;
use aq_core::task::{Needs, TaskStatus};

use super::hot::Hot;

impl Hot {
    /// A task may start.
    pub fn add_ready(&mut self, project: &ProjectId, needs: Needs, priority: i32, key: i64) {
        self.change_project(
            project,
            |state| {
                state.ready.entry(needs).or_default().insert((priority, key));
            },
            move |state| state.take_ready(needs, priority, key),
        );
    }

    /// Tasks of a project have become READY together, out of DEFINED: `count` of them. Those in `startable` may start.
    pub fn promote(&mut self, project: &ProjectId, count: u64, startable: Vec<(Needs, i32, i64)>) {
        self.change_project(
            project,
            |state| {
                state.recount(Some(TaskStatus::Defined), Some(TaskStatus::Ready), count);
                for (needs, priority, key) in &startable {
                    state.ready.entry(*needs).or_default().insert((*priority, *key));
                }
            },
            {
                let startable = startable.clone();
                move |state| {
                    state.recount(Some(TaskStatus::Ready), Some(TaskStatus::Defined), count);
                    for (needs, priority, key) in startable {
                        state.take_ready(needs, priority, key);
                    }
                }
            },
        );
    }

    /// A task may not start any more.
    pub fn remove_ready(&mut self, project: &ProjectId, needs: Needs, priority: i32, key: i64) {
        let was =
            self.projects.get(project).is_some_and(|state| state.ready.get(&needs).is_some_and(|lane| lane.contains(&(priority, key))));
        if !was {
            return;
        }
        self.change_project(
            project,
            |state| state.take_ready(needs, priority, key),
            move |state| {
                state.ready.entry(needs).or_default().insert((priority, key));
            },
        );
    }

    /// A task moved between statuses; `None` stands for outside (created, deleted, archived).
    pub fn count(&mut self, project: &ProjectId, from: Option<TaskStatus>, to: Option<TaskStatus>) {
        self.change_project(project, |state| state.recount(from, to, 1), move |state| state.recount(to, from, 1));
    }

    /// A project started something: its tag and the virtual time move on, the others were passed over once.
    pub fn note_start(&mut self, project: &ProjectId, start_tag: f64, finish_tag: f64) {
        self.set(start_tag, |figures| &mut figures.virtual_time);
        // The project itself belongs to them also when this was its last ready task.
        let concerned: Vec<_> =
            self.projects.iter().filter(|(id, state)| *id == project || !state.ready.is_empty()).map(|(id, _)| id.clone()).collect();
        for id in concerned {
            let Some(state) = self.projects.get(&id) else { continue };
            let (passed_over, tag) = (state.passed_over, state.finish_tag);
            let (new_passed, new_tag) = if id == *project { (0, finish_tag) } else { (passed_over.saturating_add(1), tag) };
            self.change_project(
                &id,
                |state| (state.passed_over, state.finish_tag) = (new_passed, new_tag),
                move |state| (state.passed_over, state.finish_tag) = (passed_over, tag),
            );
        }
    }
}

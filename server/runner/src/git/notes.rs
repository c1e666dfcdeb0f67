//! What the mirror notes of each task, and forgetting it when the task was over long ago (workspaces R8). What the notes mean lives where they are written:
//! `collect` and `record`.
//!
//! Spec: specs/server/runner/workspaces.md

use std::collections::{BTreeMap, BTreeSet};

use aq_core::ids::{ProjectId, TaskId};

use super::error::GitError;
use super::mirror::Mirror;
use super::rooms::Rooms;

/// The kinds of notes that runs leave in a mirror.
const KINDS: [&str; 4] = ["base", "held", "landed", "concluded"];

impl Rooms {
    /// The tasks of which the mirror has notes: where they started, how they were settled, what they landed.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    pub fn noted(&self, project: &ProjectId) -> Result<BTreeSet<TaskId>, GitError> {
        Ok(notes(&self.open_mirror(project)?)?.into_keys().collect())
    }

    /// Forgets what the mirror notes of these tasks, each with its branch; one whose branch is still there keeps its notes, which tell what the branch holds.
    /// Returns whose went. Rescues and branches are not touched.
    ///
    /// # Errors
    /// When the mirror cannot be read or written, or a note changed meanwhile; then nothing is forgotten.
    pub fn forget_notes(&self, project: &ProjectId, tasks: &[(TaskId, String)]) -> Result<Vec<TaskId>, GitError> {
        let mirror = self.open_mirror(project)?;
        let mut noted = notes(&mirror)?;
        let (mut gone, mut changes) = (Vec::new(), String::new());
        for (task, _) in tasks.iter().filter(|(_, branch)| mirror.branch(branch).is_none()) {
            let Some(references) = noted.remove(task) else { continue };
            references.iter().for_each(|(name, value)| changes.extend(["delete ", name, "\0", value, "\0"]));
            gone.push(task.clone());
        }
        if !gone.is_empty() {
            mirror.change(&changes)?;
        }
        Ok(gone)
    }
}

/// The notes of each task: their names and values.
fn notes(mirror: &Mirror) -> Result<BTreeMap<TaskId, Vec<(String, String)>>, GitError> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for kind in KINDS {
        let start = format!("refs/aq/{kind}/");
        for (name, value) in mirror.listed(&start)? {
            let Some(value) = value else { continue };
            let task = name.strip_prefix(&start).and_then(|rest| rest.split('/').next());
            let Some(Ok(task)) = task.map(TaskId::parse) else { continue };
            found.entry(task).or_default().push((name, value.to_string()));
        }
    }
    Ok(found)
}

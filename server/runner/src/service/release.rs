//! Letting go of runs: one on order, leftovers after a start of the server.
//!
//! Spec: specs/server/runner/service.md

use std::path::Path;
use std::sync::Arc;

use aq_core::ids::{ProjectId, RunRef};
use aq_core::runner_link::WorkspaceOrder;

use super::cursor::{Cursor, Found};
use super::places::{folders_of, owner};
use super::shared::Shared;
use crate::git::{GitError, Removed};
use crate::shim::end_leftovers;

/// Removes the run's folders, and with `task_ended` what the task leaves behind (service R13).
pub(super) async fn release(shared: &Arc<Shared>, run: &RunRef, project: &ProjectId, task_ended: bool) {
    let folders = folders_of(&shared.home, run);
    for folder in &folders {
        end_leftovers(folder).await;
    }
    if task_ended {
        // The work directory first: the run's folder knows the branch, which is needed should we be interrupted.
        end_task(shared, run, project).await;
    }
    remove_folders(folders).await;
}

async fn end_task(shared: &Arc<Shared>, run: &RunRef, project: &ProjectId) {
    let Found::Cursor(cursor) = Cursor::load(&shared.home.run(run)) else {
        tracing::warn!(%run, "the run's folder is gone, so its work directory is kept");
        return;
    };
    if cursor.branch.is_empty() {
        return;
    }
    clear(shared, run, project, &cursor.branch).await;
}

/// Removes the task's work directory after its work is proven saved, and its home, unless another run of the task is in hand (service R17).
pub(super) async fn clear(shared: &Arc<Shared>, run: &RunRef, project: &ProjectId, branch: &str) {
    let (hands, rooms) = (Arc::clone(shared), shared.rooms.clone());
    let (owned_project, owned_run, branch) = (project.clone(), run.clone(), branch.to_owned());
    let removing = move || {
        rooms.alone(&owned_project, &owned_run.task, || {
            // Looked at under the lock: a run that comes later prepares the directory anew, one that is here already works in it.
            if hands.in_hand().iter().any(|other| other.task == owned_run.task && other.number != owned_run.number) {
                return Ok(None);
            }
            let removed = rooms.remove_task_dir(&owned_project, &owned_run, &branch)?;
            remove(&hands.home.task_home(&owned_project, &owned_run.task));
            Ok::<_, GitError>(Some(removed))
        })
    };
    match shared.blocking(removing).await {
        Ok(Ok(Some(removed))) => {
            if let Removed::Quarantined { place, why } = removed {
                tracing::warn!(%run, place = %place.display(), why, "the work directory was moved to the quarantine");
            }
            tidy(shared, project).await;
        }
        Ok(Ok(None)) => tracing::info!(%run, "the work directory is in use by a later run"),
        Ok(Err(error)) => tracing::warn!(%run, %error, "the work directory could not be removed"),
        Err(error) => tracing::warn!(%run, error, "the work directory could not be removed"),
    }
}

/// Packs the project's mirror where the work of many tasks lies in it as single files (workspaces R8).
async fn tidy(shared: &Arc<Shared>, project: &ProjectId) {
    let (rooms, owned) = (shared.rooms.clone(), project.clone());
    match shared.blocking(move || rooms.tidy(&owned)).await {
        Ok(Ok(packed)) => tracing::debug!(%project, packed, "the mirror was looked at"),
        // It is looked at again when the next task ends; until then new directories take longer to make.
        Ok(Err(error)) => tracing::warn!(%project, %error, "a mirror could not be packed"),
        Err(error) => tracing::warn!(%project, error, "a mirror could not be packed"),
    }
}

/// The work of a task was merged elsewhere: nothing of it is needed here any more (service R19).
pub(super) async fn retire(shared: &Arc<Shared>, run: RunRef, project: ProjectId, workspace: WorkspaceOrder) {
    let home = shared.home.task_home(&project, &run.task);
    let (rooms, task, owned) = (shared.rooms.clone(), run.task.clone(), project.clone());
    match shared.blocking(move || rooms.retire(&owned, &run, &workspace)).await {
        Ok(Ok(())) => {
            remove_folders(vec![home]).await;
            tidy(shared, &project).await;
        }
        Ok(Err(error)) => tracing::warn!(%task, %error, "merged work could not be cleared away"),
        Err(error) => tracing::warn!(%task, error, "merged work could not be cleared away"),
    }
}

/// Ends and removes every run folder that nobody wants (service R14).
pub(super) async fn sweep(shared: &Arc<Shared>, open: &[RunRef]) {
    let Ok(entries) = std::fs::read_dir(shared.home.runs()) else { return };
    let in_hand = shared.in_hand();
    for folder in entries.flatten().map(|entry| entry.path()) {
        let run = folder.file_name().and_then(|name| owner(name.to_str()?));
        let Some(run) = run.filter(|run| !open.contains(run) && !in_hand.contains(run)) else { continue };
        let left = end_leftovers(&folder).await;
        tracing::info!(%run, left, "a leftover run was ended and its folder removed");
        remove_folders(vec![folder]).await;
    }
}

async fn remove_folders(folders: Vec<std::path::PathBuf>) {
    let removed = tokio::task::spawn_blocking(move || folders.iter().for_each(|folder| remove(folder))).await;
    if let Err(error) = removed {
        tracing::warn!(%error, "folders could not be removed");
    }
}

fn remove(folder: &Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "a folder could not be removed");
        }
        _ => {}
    }
}

//! The plan of a run on its way to the server: found, kept in the run's folder, taken out of the work, reported. Each part may be interrupted and
//! is taken up again when the conclusion is ordered again.
//!
//! Spec: specs/server/runner/plans.md

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aq_core::runner_link::{ConcludeRun, LinkClosed, RunReport};
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::shared::Shared;
use super::stored::SideItem;

/// A plan as it is kept until the run is released.
#[derive(Serialize, Deserialize)]
struct Kept {
    path: String,
    text: String,
    truncated: bool,
}

/// Collects the plan that the order asks for, when the agent wrote one. What goes wrong with it is told and never fails the run.
pub(super) async fn collect(shared: &Arc<Shared>, order: &ConcludeRun, journal: &mut Journal) -> Result<(), LinkClosed> {
    let Some(search) = order.plan.clone() else { return Ok(()) };
    let file = shared.home.run(&order.run).join("plan.json");
    let (rooms, project, run, workspace) = (shared.rooms.clone(), order.project.clone(), order.run.clone(), order.workspace.clone());
    let found = shared
        .blocking(move || -> Result<Option<Kept>, String> {
            let kept = match load(&file)? {
                Some(kept) => kept,
                None => {
                    let plan = rooms.find_plan(&project, &run, &workspace, &search).map_err(|error| error.to_string())?;
                    let Some(plan) = plan else { return Ok(None) };
                    let kept = Kept { path: plan.path, text: plan.text, truncated: plan.truncated };
                    store(&file, &kept).map_err(|error| format!("{}: {error}", file.display()))?;
                    kept
                }
            };
            rooms.take_plan_out(&project, &run, &kept.path).map_err(|error| error.to_string())?;
            Ok(Some(kept))
        })
        .await;
    match found {
        Ok(Ok(None)) => Ok(()),
        Ok(Ok(Some(Kept { path, text, truncated }))) => {
            journal.side(vec![SideItem::note(format!("a plan was found in {path}"))]).await?;
            let (path, text) = (journal.screened(path), journal.screened(text));
            journal.report(RunReport::PlanFound { path, text, truncated }).await
        }
        Ok(Err(error)) | Err(error) => journal.side(vec![SideItem::note(format!("warning: a plan could not be collected: {error}"))]).await,
    }
}

fn load(file: &Path) -> Result<Option<Kept>, String> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("{}: {error}", file.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// Writes beside and renames, so that a plan is kept whole or not at all.
fn store(file: &Path, kept: &Kept) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let beside: PathBuf = file.with_extension("json.new");
    let bytes = serde_json::to_vec(kept).map_err(io::Error::other)?;
    let mut opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    opened.write_all(&bytes)?;
    opened.sync_all()?;
    fs::rename(&beside, file)
}

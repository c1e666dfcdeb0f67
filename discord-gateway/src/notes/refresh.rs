//! Keeping open tables and views fresh: a little after a note has changed, whoever changed it (F-226).

use std::time::Duration;

use aq_proto::v1 as pb;
use tonic::Status;

use super::contents::view;
use super::desk::{desks, notes, redraw};
use crate::bridge::Bridge;
use crate::custom_id::fingerprint;

/// Changes that follow on each other within this time are one.
const DEBOUNCE: Duration = Duration::from_secs(2);

/// A note changed: its views and the tables of its project follow.
pub(crate) fn changed(bridge: &Bridge, event: &pb::Event) {
    let name = event.attributes.get("note_name").cloned().unwrap_or_default();
    let key = format!("{}:{name}", event.project_id);
    let turn = bridge.note_changed(&key);
    let (bridge, project) = (bridge.clone(), event.project_id.clone());
    tokio::spawn(async move {
        tokio::time::sleep(DEBOUNCE).await;
        // A later change brings everything up to date by itself.
        if !bridge.is_last_change(&key, turn) {
            return;
        }
        if let Err(status) = refresh(&bridge, &project, &name).await {
            tracing::debug!(project, error = status.message(), "notes could not be brought up to date");
        }
    });
}

async fn refresh(bridge: &Bridge, project: &str, name: &str) -> Result<(), Status> {
    let print = fingerprint(name);
    let server = bridge.server.own();
    for mut desk in desks(bridge).await?.into_iter().filter(|desk| desk.project == project) {
        let found = notes(server, project).await?;
        redraw(bridge, &desk, &found).await?;
        let Some(open) = desk.views.get(&print).copied() else { continue };
        if found.iter().any(|note| note.name == name) {
            let request = pb::GetNoteRequest { project_id: project.to_owned(), name: name.to_owned() };
            let shown = view(project, server.notes().get_note(request).await?.into_inner(), true);
            let edited = bridge.out.edit(desk.thread, open, &shown, false).await;
            edited.map_err(|error| Status::unavailable(error.to_string()))?;
        } else {
            bridge.out.remove(desk.thread, open).await.map_err(|error| Status::unavailable(error.to_string()))?;
            desk.views.remove(&print);
            desk.keep(bridge).await?;
        }
    }
    Ok(())
}

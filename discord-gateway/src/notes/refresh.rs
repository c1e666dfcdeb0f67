//! Keeping open tables and views fresh: a little after a note has changed, whoever changed it (F-226).

use std::time::Duration;

use aq_proto::v1 as pb;
use tokio::time::sleep;
use tonic::{Code, Status};

use super::contents::view;
use super::desk::{Desk, desks, failed, notes, redraw};
use crate::bridge::Bridge;
use crate::custom_id::fingerprint;

/// Changes that follow on each other within this time are one.
const DEBOUNCE: Duration = Duration::from_secs(2);

/// A note changed: its views and the tables of its project follow.
pub(crate) fn changed(bridge: &Bridge, event: &pb::Event) {
    let name = event.attributes.get("note_name").cloned().unwrap_or_default();
    let project = event.project_id.clone();
    let key = format!("{project}:{name}");
    let turn = bridge.note_changed(&key);
    let (own, of) = (bridge.clone(), project.clone());
    tokio::spawn(async move {
        sleep(DEBOUNCE).await;
        // A later change brings its views up to date by itself.
        if own.is_last_change(&key, turn) {
            told(&of, views(&own, &of, &name).await);
        }
    });
    // Tables show all notes: the first change has them drawn anew, and those that come until then are in it.
    let key = format!("{project}:");
    if bridge.note_changed(&key) == 1 {
        let bridge = bridge.clone();
        tokio::spawn(async move {
            sleep(DEBOUNCE).await;
            bridge.changes_are_seen(&key);
            told(&project, tables(&bridge, &project).await);
        });
    }
}

fn told(project: &str, done: Result<(), Status>) {
    if let Err(status) = done {
        tracing::debug!(project, error = status.message(), "notes could not be brought up to date");
    }
}

/// The desks of a project, each when it may be changed: one that is closed meanwhile is left out.
async fn of_project(bridge: &Bridge, project: &str) -> Result<Vec<u64>, Status> {
    Ok(desks(bridge).await?.into_iter().filter(|desk| desk.project == project).map(|desk| desk.contents).collect())
}

/// Draws the tables of a project anew. One that somebody deleted is closed by that.
async fn tables(bridge: &Bridge, project: &str) -> Result<(), Status> {
    for contents in of_project(bridge, project).await? {
        let turn = bridge.desk_turn(contents);
        let _turn = turn.lock().await;
        let Some(desk) = Desk::of(bridge, contents).await? else { continue };
        bridge.out.room_to_edit(desk.channel, desk.contents).await;
        let found = notes(bridge.server.own(), project).await?;
        match redraw(bridge, &desk, &found).await {
            Err(error) if error.is_gone() => {
                tracing::info!(project, thread = desk.thread, "somebody deleted the table of these notes; they are closed");
                bridge.notes_thread(desk.thread, None);
                bridge.server.keep(Vec::new(), vec![desk.key()]).await?;
            }
            done => done.map_err(failed)?,
        }
    }
    Ok(())
}

/// Shows in the open views of a note what it says now, or takes them away with it.
async fn views(bridge: &Bridge, project: &str, name: &str) -> Result<(), Status> {
    let print = fingerprint(name);
    for contents in of_project(bridge, project).await? {
        let turn = bridge.desk_turn(contents);
        let _turn = turn.lock().await;
        let Some(mut desk) = Desk::of(bridge, contents).await? else { continue };
        let Some(open) = desk.views.get(&print).copied() else { continue };
        let request = pb::GetNoteRequest { project_id: project.to_owned(), name: name.to_owned() };
        let there = match bridge.server.own().notes().get_note(request).await {
            Ok(note) => {
                let shown = view(project, note.into_inner(), true);
                match bridge.out.edit(desk.thread, open, &shown, false).await {
                    Err(error) if error.is_gone() => false,
                    done => done.map(|()| true).map_err(failed)?,
                }
            }
            Err(status) if status.code() == Code::NotFound => {
                bridge.out.remove(desk.thread, open).await.map_err(failed)?;
                false
            }
            Err(status) => return Err(status),
        };
        if !there {
            desk.views.remove(&print);
            desk.keep(bridge).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use prost::Message as _;
    use serde_json::json;

    use super::*;
    use crate::backend::stand::{Answer, Answers, Records, stand};
    use crate::clock::Paused;
    use crate::config::DiscordSection;
    use crate::outbound::{Broken, Call, Method, Outbound, Reply, Transport};

    /// A server with notes, and what it keeps.
    struct Notes(Arc<Records>);

    impl Answers for Notes {
        fn answer(&self, path: &str, request: &[u8]) -> Option<Answer> {
            match path {
                "NoteService/ListNotes" => {
                    let notes = (0..23).map(|n| pb::Note { name: format!("note-{n}"), ..Default::default() }).collect();
                    Answer::of(&pb::ListNotesResponse { notes, ..Default::default() })
                }
                "NoteService/GetNote" => {
                    let name = pb::GetNoteRequest::decode(request).unwrap().name;
                    Answer::of(&pb::Note { content: format!("words of {name}"), name, ..Default::default() })
                }
                _ => self.0.answer(path, request),
            }
        }
    }

    /// Notes which messages are edited; one of them is gone.
    #[derive(Clone, Default)]
    struct Edits(Arc<Mutex<(Vec<String>, String)>>);

    #[async_trait::async_trait]
    impl Transport for Edits {
        async fn perform(&self, call: &Call) -> Result<Reply, Broken> {
            assert_eq!(call.method, Method::Patch);
            let mut seen = self.0.lock().unwrap();
            seen.0.push(call.path.clone());
            let status = if call.path == seen.1 { 404 } else { 200 };
            Ok(Reply { status, body: json!({ "id": "1", "code": 10_008 }), ..Reply::default() })
        }
    }

    /// F-226, notes R5: many notes that change are one edit of the table, and one of each open view; a view and a table that somebody deleted are not
    /// edited again.
    #[tokio::test(start_paused = true)]
    async fn many_changes_are_one_edit() {
        let folder = tempfile::tempdir().unwrap();
        let records = Arc::new(Records::default());
        let views = [(fingerprint("note-3"), 33), (fingerprint("note-4"), 44)].into();
        let desk = Desk { project: "app".into(), channel: 1, contents: 5, thread: 5, views, ..Desk::default() };
        let (key, text) = desk.record().unwrap();
        records.put(key, text);
        let (edits, server) = (Edits::default(), stand(folder.path(), Arc::new(Notes(Arc::clone(&records)))));
        let bridge =
            Bridge::new(server, Outbound::new(Arc::new(edits.clone())), DiscordSection::sample(), Arc::new(Paused::at(1_790_000_000_000)));
        let change = async |gone: &str| {
            edits.0.lock().unwrap().1 = gone.to_owned();
            for round in 0..46 {
                let attributes = [("note_name".to_owned(), format!("note-{}", round % 23))].into();
                changed(&bridge, &pb::Event { project_id: "app".into(), attributes, ..Default::default() });
                sleep(Duration::from_millis(20)).await;
            }
            sleep(Duration::from_secs(10)).await;
            let mut seen = std::mem::take(&mut edits.0.lock().unwrap().0);
            seen.sort_unstable();
            seen
        };
        let (table, one, other) = ("/channels/1/messages/5", "/channels/5/messages/33", "/channels/5/messages/44");
        assert_eq!(change("").await, [table, one, other]);
        assert_eq!(change(one).await, [table, one, other]);
        assert_eq!(change(table).await, [table]);
        assert_eq!(change("").await, Vec::<String>::new());
    }
}

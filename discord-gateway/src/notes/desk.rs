//! Opening the thread, and what its buttons do.

use std::collections::BTreeMap;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tonic::Status;

use super::contents::{contents, view};
use crate::actions::Responder;
use crate::bridge::Bridge;
use crate::custom_id::{Action, Note, fingerprint, write};
use crate::message::{Button, ButtonStyle, Message};
use crate::outbound::{Call, CallError, Known, Method};
use crate::render::refusal;
use crate::text::inline;
use crate::trust::Role;

/// A notes thread, as it is kept by the server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Desk {
    pub(super) project: String,
    pub(super) channel: u64,
    pub(super) contents: u64,
    pub(super) thread: u64,
    pub(super) page: u16,
    /// Open views: the note's fingerprint and the message.
    pub(super) views: BTreeMap<String, u64>,
}

impl Desk {
    pub(super) const PREFIX: &'static str = "notes:";

    pub(super) fn key(&self) -> String {
        format!("{}{}", Self::PREFIX, self.contents)
    }

    /// As a record.
    pub(super) fn record(&self) -> Result<(String, String), Status> {
        let text = serde_json::to_string(self).map_err(|error| Status::internal(error.to_string()))?;
        Ok((self.key(), text))
    }

    pub(super) async fn keep(&self, bridge: &Bridge) -> Result<(), Status> {
        let (key, text) = self.record()?;
        bridge.server.keep_one(key, text).await
    }

    /// The desk of a table or of an open view.
    pub(super) async fn of(bridge: &Bridge, message: u64) -> Result<Option<Self>, Status> {
        let here = |desk: &Self| desk.contents == message || desk.views.values().any(|view| *view == message);
        Ok(desks(bridge).await?.into_iter().find(here))
    }
}

/// Every notes thread.
pub(super) async fn desks(bridge: &Bridge) -> Result<Vec<Desk>, Status> {
    let records = bridge.server.records(Desk::PREFIX).await?;
    Ok(records.into_values().filter_map(|text| serde_json::from_str(&text).ok()).collect())
}

/// Every note of a project, without the texts.
pub(super) async fn notes(server: &Connection, project: &str) -> Result<Vec<pb::Note>, Status> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListNotesRequest { project_id: project.to_owned(), page_size: 200, page_token: token };
        let answer = server.notes().list_notes(request).await?.into_inner();
        found.extend(answer.notes);
        token = answer.next_page_token;
        if token.is_empty() {
            return Ok(found);
        }
    }
}

pub(super) fn failed(error: CallError) -> Status {
    Status::unavailable(error.to_string())
}

/// Opens a thread for the notes of a project in the channel of the command.
pub(crate) async fn open(responder: &Responder, server: &Connection, project: &str) -> Result<Message, Status> {
    let bridge = &responder.bridge;
    let place = responder.interaction.place;
    let channel = place.parent.unwrap_or(place.channel);
    let toc = contents(project, &notes(server, project).await?, 0);
    let name = format!("notes {}", responder.interaction.id);
    let posted = bridge.out.post(channel, &toc, Known::Behind(responder.interaction.id, &name), false).await.map_err(failed)?;
    let thread = bridge.out.thread(channel, posted, &format!("Notes: {project}")).await.map_err(failed)?;
    let welcome = "📝 Press a note above to read it here. Just write what you think: it is sorted into the notes. `/note write` and `/note append` \
                   change them by hand; open ones are kept fresh.";
    bridge.out.post(thread, &Message::text(welcome), Known::Behind(thread, &format!("{name} welcome")), false).await.map_err(failed)?;
    Desk { project: project.to_owned(), channel, contents: posted, thread, ..Desk::default() }.keep(bridge).await?;
    bridge.notes_thread(thread, Some((project.to_owned(), channel)));
    Ok(Message::text(format!("📝 The notes of {} are open in <#{thread}>.", inline(project))))
}

/// Does what a button of the table or of a note is for.
pub(crate) async fn act(responder: &Responder, server: &Connection, role: Role, project: &str, note: Note) -> Result<(), CallError> {
    if let Note::Delete(name) = &note {
        let id = write(&Action::Notes { project: project.to_owned(), note: Note::DeleteSure(name.clone()) });
        let sure = id.map(|id| Button::new(id, "Yes, delete it", "🗑️", ButtonStyle::Danger));
        return responder.whisper(&Message::text("Delete this note?").with_buttons(sure.into_iter().collect())).await;
    }
    if role < Role::Operator && matches!(note, Note::DeleteSure(_) | Note::Close) {
        return responder.whisper(&refusal("You don't have permission to do this.")).await;
    }
    let sure = matches!(note, Note::DeleteSure(_));
    if sure {
        responder.defer(true).await?;
    } else {
        responder.defer_update().await?;
    }
    match work(responder, server, project, note).await {
        Ok(()) if sure => responder.finish(&Message::text("🗑️ The note is deleted.")).await,
        Ok(()) => Ok(()),
        Err(status) => {
            let told = refusal(&crate::backend::sentence(&status));
            if sure { responder.finish(&told).await } else { responder.aside(&told).await }
        }
    }
}

async fn work(responder: &Responder, server: &Connection, project: &str, note: Note) -> Result<(), Status> {
    let bridge = &responder.bridge;
    let found = notes(server, project).await?;
    let named = |name: &str| found.iter().find(|note| fingerprint(&note.name) == name).map(|note| note.name.clone());
    if let Note::DeleteSure(name) = &note {
        let name = named(name).ok_or_else(|| Status::not_found("this note is gone"))?;
        let request = pb::DeleteNoteRequest { project_id: project.to_owned(), name, request_id: responder.request_id() };
        // The event of it brings tables and views up to date.
        return server.notes().delete_note(request).await.map(drop);
    }
    let message = responder.interaction.message.unwrap_or(0);
    let gone = || Status::failed_precondition("this notes thread was closed; `/notes` opens a new one");
    // One after the other: each changes what is kept of the desk as a whole.
    let turn = bridge.desk_turn(Desk::of(bridge, message).await?.ok_or_else(gone)?.contents);
    let _turn = turn.lock().await;
    let mut desk = Desk::of(bridge, message).await?.ok_or_else(gone)?;
    match note {
        Note::View(name) => {
            let full = named(&name).ok_or_else(|| Status::not_found("this note is gone"))?;
            let full = server.notes().get_note(pb::GetNoteRequest { project_id: project.to_owned(), name: full }).await?.into_inner();
            if let Some(old) = desk.views.remove(&name) {
                bridge.out.remove(desk.thread, old).await.map_err(failed)?;
            }
            let shown = view(project, full, false);
            let key = format!("view {}", responder.interaction.id);
            let id = bridge.out.post(desk.thread, &shown, Known::Behind(responder.interaction.id, &key), false).await.map_err(failed)?;
            desk.views.insert(name, id);
            desk.keep(bridge).await
        }
        Note::Dismiss(name) => {
            bridge.out.remove(desk.thread, message).await.map_err(failed)?;
            desk.views.remove(&name);
            desk.keep(bridge).await
        }
        Note::Close => {
            let lock = json!({ "archived": true });
            let closing = Call::new(Method::Patch, format!("/channels/{}", desk.thread), Some(lock));
            bridge.server.keep(Vec::new(), vec![desk.key()]).await?;
            bridge.notes_thread(desk.thread, None);
            bridge.out.remove(desk.channel, desk.contents).await.map_err(failed)?;
            bridge.out.call(closing).await.map(drop).map_err(failed)
        }
        Note::Page(page) => {
            desk.page = page;
            desk.keep(bridge).await?;
            redraw(bridge, &desk, &found).await.map_err(failed)
        }
        _ => redraw(bridge, &desk, &found).await.map_err(failed),
    }
}

/// Brings a table of contents up to date.
pub(super) async fn redraw(bridge: &Bridge, desk: &Desk, found: &[pb::Note]) -> Result<(), CallError> {
    let toc = contents(&desk.project, found, usize::from(desk.page));
    bridge.out.edit(desk.channel, desk.contents, &toc, false).await
}

//! NoteService. What a name is lives in the core, the files in `documents`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aq_core::event::EventKind;
use aq_core::ids::ProjectId;
use aq_core::note::{MAX_NOTE_BYTES, note_name, title_of};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::note_service_server::NoteService;
use serde_json::json;
use tonic::Request;

use super::git::{Git, refused};
use super::incoming::{project_id, short};
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply};
use crate::commands::{CommandError, Context, project};
use crate::documents::{DocumentError, Note, NoteLine, Notes, Written};
use crate::events::wire::timestamp;
use crate::lifecycle::{Subject, Tx, announce};

/// Most documents of a side when notes are compared.
const COMPARED: usize = 500;
/// Longest revision, in bytes.
const MAX_REVISION: usize = 64;

/// The service.
pub(super) struct NoteCalls(pub(super) Api);

/// A text that becomes a file.
pub(super) fn file_text(field: &str, text: &str) -> Result<String, ApiError> {
    if text.len() > MAX_NOTE_BYTES {
        return Err(ApiError::invalid(field, format!("is longer than {MAX_NOTE_BYTES} bytes; split it")));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(field, "holds a NUL character"));
    }
    Ok(text.to_owned())
}

/// A title whose slug can be a file's name.
fn title(field: &str, text: &str) -> Result<String, ApiError> {
    note_name(text).map_err(|why| ApiError::invalid(field, why.to_string()))?;
    Ok(text.trim().to_owned())
}

/// A name or title to look for.
pub(super) fn wanted(field: &str, text: &str) -> Result<String, ApiError> {
    let text = short(field, text)?;
    if text.trim().is_empty() {
        return Err(ApiError::invalid(field, "is empty; give a name or a title"));
    }
    Ok(text)
}

fn of_line(notes: &Notes, project: &ProjectId, line: NoteLine) -> pb::Note {
    pb::Note {
        project_id: project.to_string(),
        path: notes.path().join(format!("{}.md", line.name)).display().to_string(),
        name: line.name,
        title: line.title,
        size_bytes: line.size,
        modified_at: Some(timestamp(Timestamp::from_millis(line.modified))),
        ..Default::default()
    }
}

fn shown(notes: &Notes, project: &ProjectId, note: Note) -> pb::Note {
    let line = of_line(notes, project, note.line);
    pb::Note { content: note.text, truncated: note.cut, revision: note.revision, ..line }
}

/// A missing note, in the words of notes.
fn told(error: DocumentError) -> ApiError {
    match error {
        DocumentError::Missing(id) => ApiError::not_found("note", id),
        other => other.into(),
    }
}

impl Api {
    /// Work with files, away from the asynchronous workers.
    pub(super) async fn files<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, DocumentError> + Send + 'static,
    ) -> Result<Result<T, DocumentError>, ApiError> {
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| CommandError::Internal(format!("work with documents failed: {error}")).into())
    }

    /// Checks that the project is there for the caller.
    pub(super) async fn known_project(&self, context: &Context, id: &ProjectId) -> Result<(), ApiError> {
        let (context, id) = (context.clone(), id.clone());
        self.turn(&context).look(move |seen| Ok(project(seen.figures, &context, &id).map(drop)?)).await
    }
}

impl NoteCalls {
    async fn notes(&self, context: &Context, text: &str) -> Result<(ProjectId, Notes), ApiError> {
        let id = project_id("project_id", text)?;
        self.0.known_project(context, &id).await?;
        let notes = Notes::new(self.0.parts.facts.home.clone(), id.clone());
        Ok((id, notes))
    }

    /// Tells of a note that was written, and gives the answer.
    async fn tell<Q: super::idempotency::Mutation>(
        &self,
        context: &Context,
        body: &Q,
        answer: pb::Note,
        (kind, operation): (EventKind, &'static str),
    ) -> Reply<pb::Note> {
        let record = move |tx: &mut Tx<'_>, context: &Context| {
            announce_note(tx, context, kind, operation, &answer)?;
            Ok(answer.clone().into())
        };
        self.0.mutate(context, body, record).await
    }
}

fn announce_note(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: EventKind,
    operation: &str,
    note: &pb::Note,
) -> Result<(), crate::lifecycle::LifecycleError> {
    let payload = json!({
        "note_name": note.name, "title": note.title, "note_path": note.path, "operation": operation, "actor": context.actor(),
    });
    announce(tx, kind, context.now, Subject::project(&ProjectId::from_trusted(&note.project_id)), payload)
}

fn what(written: &Written, operation: &'static str) -> (EventKind, &'static str) {
    if written.is_new { (EventKind::NoteCreated, "created") } else { (EventKind::NoteUpdated, operation) }
}

#[tonic::async_trait]
impl NoteService for NoteCalls {
    async fn list_notes(&self, request: Request<pb::ListNotesRequest>) -> Reply<pb::ListNotesResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<String>::of(&call.body)?;
        let (id, notes) = self.notes(&call.context, &call.body.project_id).await?;
        let (reader, slice) = (notes.clone(), notes.clone());
        let all = self.0.files(move || reader.names()).await?.map_err(told)?;
        let cut = page.slice(all, |line| line.name.clone());
        let (next_page_token, total_size, items) = (cut.next, cut.total, cut.items);
        let lines = self.0.files(move || slice.lines(items)).await?.map_err(told)?;
        let notes = lines.into_iter().map(|line| of_line(&notes, &id, line)).collect();
        Ok(tonic::Response::new(pb::ListNotesResponse { notes, next_page_token, total_size }))
    }

    async fn get_note(&self, request: Request<pb::GetNoteRequest>) -> Reply<pb::Note> {
        let call = self.0.admit(request)?;
        let name = wanted("name", &call.body.name)?;
        let (id, notes) = self.notes(&call.context, &call.body.project_id).await?;
        let reader = notes.clone();
        let note = self.0.files(move || reader.read(&name)).await?.map_err(told)?;
        Ok(tonic::Response::new(shown(&notes, &id, note)))
    }

    async fn write_note(&self, request: Request<pb::WriteNoteRequest>) -> Reply<pb::Note> {
        let call = self.0.cleansed(self.0.admit(request)?).await?;
        let (title, text) = (title("title", &call.body.title)?, file_text("content", &call.body.content)?);
        let guard = call.body.if_revision.clone();
        if guard.len() > MAX_REVISION {
            return Err(ApiError::invalid("if_revision", "is no revision; read it with GetNote").into());
        }
        let (id, notes) = self.notes(&call.context, &call.body.project_id).await?;
        let _turn = self.0.documents.lock().await;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let writer = notes.clone();
        let written = self.0.files(move || writer.write(&title, &text, &guard)).await?.map_err(told)?;
        let event = what(&written, "updated");
        self.tell(&call.context, &call.body, shown(&notes, &id, written.note), event).await
    }

    async fn append_note(&self, request: Request<pb::AppendNoteRequest>) -> Reply<pb::Note> {
        let call = self.0.cleansed(self.0.admit(request)?).await?;
        let (title, text) = (title("title", &call.body.title)?, file_text("text", &call.body.text)?);
        if text.trim().is_empty() {
            return Err(ApiError::invalid("text", "is empty; give the text to add").into());
        }
        let (id, notes) = self.notes(&call.context, &call.body.project_id).await?;
        let _turn = self.0.documents.lock().await;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let writer = notes.clone();
        let written = self.0.files(move || writer.append(&title, &text)).await?.map_err(told)?;
        let event = what(&written, "appended");
        self.tell(&call.context, &call.body, shown(&notes, &id, written.note), event).await
    }

    async fn delete_note(&self, request: Request<pb::DeleteNoteRequest>) -> Reply<pb::DeleteNoteResponse> {
        let call = self.0.admit(request)?;
        let name = wanted("name", &call.body.name)?;
        let (id, notes) = self.notes(&call.context, &call.body.project_id).await?;
        let _turn = self.0.documents.lock().await;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let writer = notes.clone();
        let gone = self.0.files(move || writer.remove(&name)).await?.map_err(told)?;
        let note = of_line(&notes, &id, gone);
        let record = move |tx: &mut Tx<'_>, context: &Context| {
            announce_note(tx, context, EventKind::NoteDeleted, "deleted", &note)?;
            Ok(pb::DeleteNoteResponse { name: note.name.clone(), title: note.title.clone() }.into())
        };
        self.0.mutate(&call.context, &call.body, record).await
    }

    async fn compare_notes(&self, request: Request<pb::CompareNotesRequest>) -> Reply<pb::CompareNotesResponse> {
        let call = self.0.admit(request)?;
        let folder = specs_folder(&call.body.specs_path)?;
        let (id, notes) = self.notes(&call.context, &call.body.project_id).await?;
        let found = Git(self.0.clone()).found(&call.context, Some(id), "", None).await?;
        let link = Arc::clone(&self.0.parts.git);
        let specs = link.texts(found.place, folder.clone(), ".md", COMPARED).await.map_err(refused("specs_path", &folder))?;
        let reader = notes.clone();
        let read = move || {
            let mut names = reader.names()?;
            names.truncate(COMPARED);
            reader.lines(names)
        };
        let lines = self.0.files(read).await?.map_err(told)?;
        let specs = specs.into_iter().map(|spec| {
            let name = spec.path.strip_suffix(".md").unwrap_or(&spec.path).to_owned();
            let title = title_of(&spec.head).map_or_else(|| name.clone(), str::to_owned);
            pb::DocumentLine { name, title, size_bytes: spec.size, counterpart: String::new() }
        });
        let notes_side = lines.into_iter().map(|line| pb::DocumentLine {
            name: line.name,
            title: line.title,
            size_bytes: line.size,
            counterpart: String::new(),
        });
        let (mut specs, mut notes_side): (Vec<_>, Vec<_>) = (specs.collect(), notes_side.collect());
        pair(&mut specs, &mut notes_side);
        let notes_path = notes.path().display().to_string();
        Ok(tonic::Response::new(pb::CompareNotesResponse { specs, notes: notes_side, specs_path: folder, notes_path }))
    }
}

/// A folder of a repository: plain parts, none of which leads up.
fn specs_folder(text: &str) -> Result<String, ApiError> {
    let text = short("specs_path", text)?;
    let text = if text.is_empty() { "specs" } else { text.trim_end_matches('/') };
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.chars().any(|c| c.is_control() || c == '\\');
    if text.is_empty() || !text.split('/').all(plain) {
        return Err(ApiError::invalid(
            "specs_path",
            "must be a folder of the repository, relative and without `..`, for example `docs/specs`",
        ));
    }
    Ok(text.to_owned())
}

fn last_part(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    note_name(last).unwrap_or_else(|_| last.to_owned())
}

/// Names on each side the first document of the other side whose last part is the same.
fn pair(specs: &mut [pb::DocumentLine], notes: &mut [pb::DocumentLine]) {
    let index = |side: &[pb::DocumentLine]| {
        let mut index = BTreeMap::new();
        for line in side {
            index.entry(last_part(&line.name)).or_insert_with(|| line.name.clone());
        }
        index
    };
    let (by_spec, by_note) = (index(specs), index(notes));
    for (side, other) in [(specs, by_note), (notes, by_spec)] {
        for line in side {
            line.counterpart = other.get(&last_part(&line.name)).cloned().unwrap_or_default();
        }
    }
}

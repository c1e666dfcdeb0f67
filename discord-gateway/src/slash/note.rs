//! Commands about the notes of a project.

use aq_proto::v1 as pb;
use tonic::Status;

use super::options::Asked;
use super::task::done;
use crate::message::Message;
use crate::render::{Style, boxed, moment, relative};
use crate::text::{clean, cut, fenced, inline, one_line};

/// Answers.
pub(super) async fn run(words: &str, asked: &Asked<'_>) -> Result<Message, Status> {
    let mut notes = asked.server.notes();
    let project_id = asked.project()?;
    let name = asked.text("note");
    let request_id = asked.request_id("");
    match words {
        "note show" => {
            let note = notes.get_note(pb::GetNoteRequest { project_id, name }).await?.into_inner();
            Ok(shown(note))
        }
        "notes" => crate::notes::open(asked.responder, &asked.server, &project_id).await,
        "note write" => {
            let request = pb::WriteNoteRequest {
                project_id,
                title: asked.text("title"),
                content: asked.text("content"),
                request_id,
                ..Default::default()
            };
            let note = notes.write_note(request).await?.into_inner();
            Ok(done(format!("📝 {} is written.", inline(&note.name))))
        }
        "note append" => {
            let request = pb::AppendNoteRequest { project_id, title: asked.text("title"), text: asked.text("content"), request_id };
            let note = notes.append_note(request).await?.into_inner();
            Ok(done(format!("📝 {} has more now.", inline(&note.name))))
        }
        "note delete" => {
            let gone = notes.delete_note(pb::DeleteNoteRequest { project_id, name, request_id }).await?.into_inner();
            Ok(done(format!("🗑️ The note {} is deleted.", inline(&gone.title))))
        }
        _ => {
            let request = pb::ListNotesRequest { project_id: project_id.clone(), page_size: 40, ..Default::default() };
            let answer = notes.list_notes(request).await?.into_inner();
            let line = |(index, note): (usize, &pb::Note)| {
                #[expect(clippy::cast_precision_loss, reason = "kilobytes with one digit")]
                let size = note.size_bytes as f64 / 1024.0;
                let at = moment(note.modified_at.as_ref()).map(relative).unwrap_or_default();
                format!("**{}.** {} ({}, {size:.1} KB) {at}", index + 1, cut(&one_line(&note.title), 80), inline(&note.name))
            };
            let lines: Vec<String> = answer.notes.iter().enumerate().map(line).collect();
            let text = if lines.is_empty() { "_No notes yet._ `/note write` makes one.".to_owned() } else { cut(&lines.join("\n"), 3900) };
            Ok(Message::embed(boxed(Style::Info, format!("Notes of {project_id} ({})", answer.total_size), text)))
        }
    }
}

/// A note in a block, or its beginning with the whole as a file.
fn shown(note: pb::Note) -> Message {
    let title = format!("**{}** ({})", clean(&note.title), inline(&note.name));
    if note.content.len() <= 1800 {
        return Message::text(format!("{title}\n{}", fenced(&note.content, "md")));
    }
    let preview = fenced(&cut(&note.content, 300), "md");
    Message::text(format!("{title}\n{preview}")).with_file(format!("{}.md", note.name), note.content.into_bytes())
}

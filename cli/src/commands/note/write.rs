//! `aqctl note write`.

use aq_proto::v1::WriteNoteRequest;

use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Write a note whole; one of the same title is replaced
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Title of the note
    title: String,
    /// Its text, markdown; `-` reads standard input
    text: Option<String>,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// Take the text from a file
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "text")]
    file: Option<String>,
    /// Only when the note still has this revision; `-o json` shows it
    #[arg(long, value_name = "REVISION", default_value = "")]
    if_revision: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let content = long_text(&context.ui, args.text.as_deref(), args.file.as_deref())?
        .ok_or_else(|| CliError::usage("there is no text; give it as an argument, with -F FILE, or as `-`"))?;
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let request = WriteNoteRequest { project_id, title: args.title, content, if_revision: args.if_revision, request_id: request_id() };
    let note = connection.notes().write_note(request).await?.into_inner();
    context.ui.done(&note, Some(&note.name), format!("note {} has {} bytes", note.name, note.size_bytes))
}

//! `aqctl note append`.

use aq_proto::v1::AppendNoteRequest;

use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Add text at the end of a note; it is made when it is not there
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name or title of the note
    title: String,
    /// What to add, markdown; `-` reads standard input
    text: Option<String>,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// Take the text from a file
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "text")]
    file: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let text = long_text(&context.ui, args.text.as_deref(), args.file.as_deref())?
        .ok_or_else(|| CliError::usage("there is no text; give it as an argument, with -F FILE, or as `-`"))?;
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let request = AppendNoteRequest { project_id, title: args.title, text, request_id: request_id() };
    let note = connection.notes().append_note(request).await?.into_inner();
    context.ui.done(&note, Some(&note.name), format!("note {} has {} bytes", note.name, note.size_bytes))
}

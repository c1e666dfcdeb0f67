//! `aqctl note show`.

use aq_proto::v1::GetNoteRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show a note with its text
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name or title of the note
    note: String,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = GetNoteRequest { project_id: ids::project(&connection, &args.project).await?, name: args.note };
    let note = connection.notes().get_note(request).await?.into_inner();
    if note.truncated {
        context.ui.warn("the note is longer than what is shown");
    }
    context.ui.show(&note, render::note::show)
}

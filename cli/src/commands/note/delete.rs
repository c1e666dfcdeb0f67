//! `aqctl note delete`.

use aq_proto::v1::DeleteNoteRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Delete a note
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
    let project_id = ids::project(&connection, &args.project).await?;
    context.ui.confirm(&format!("Delete the note {} of {project_id}?", args.note))?;
    let request = DeleteNoteRequest { project_id, name: args.note, request_id: request_id() };
    let gone = connection.notes().delete_note(request).await?.into_inner();
    context.ui.done(&gone, None, format!("note {} deleted", gone.name))
}

//! `aqctl note list`.

use aq_proto::v1::ListNotesRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List the notes of a project
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = ListNotesRequest { project_id: ids::project(&connection, &args.project).await?, ..Default::default() };
    let page = paging::pages!(args.paging, connection.notes(), list_notes, request, notes);
    context.ui.show(&page, render::note::list)?;
    paging::note(&context.ui, page.notes.len(), page.total_size, &page.next_page_token, "no notes; write one with: aqctl note write");
    Ok(())
}

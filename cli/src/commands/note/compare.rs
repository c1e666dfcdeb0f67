//! `aqctl note compare`.

use aq_proto::v1::CompareNotesRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show the specs of the repository beside the notes, and what has no counterpart
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// Folder of the repository with the specs [default: specs]
    #[arg(long, value_name = "FOLDER", default_value = "", hide_default_value = true)]
    specs: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let answer = connection.notes().compare_notes(CompareNotesRequest { project_id, specs_path: args.specs }).await?.into_inner();
    context.ui.show(&answer, render::note::compare)
}

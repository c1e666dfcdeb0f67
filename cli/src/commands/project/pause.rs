//! `aqctl project pause`.

use aq_proto::v1::PauseProjectRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Let nothing new start in a project; what runs goes on
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The project
    #[arg(add = candidates::projects())]
    project: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let request = PauseProjectRequest { project_id, request_id: request_id() };
    let project = connection.projects().pause_project(request).await?.into_inner();
    context.ui.done(&project, None, format!("project {} is paused; what runs goes on", project.id))
}

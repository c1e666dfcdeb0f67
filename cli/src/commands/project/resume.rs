//! `aqctl project resume`.

use aq_proto::v1::ResumeProjectRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Let a paused project be scheduled again
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The project
    #[arg(add = candidates::projects())]
    project: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let request = ResumeProjectRequest { project_id, request_id: request_id() };
    let project = connection.projects().resume_project(request).await?.into_inner();
    context.ui.done(&project, None, format!("project {} is scheduled again", project.id))
}

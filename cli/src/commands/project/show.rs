//! `aqctl project show`.

use aq_proto::v1::GetProjectRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show one project
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The project
    #[arg(add = candidates::projects())]
    project: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    let project = connection.projects().get_project(GetProjectRequest { project_id }).await?.into_inner();
    context.ui.show(&project, render::project::show)
}

//! `aqctl project delete`.

use aq_proto::v1::DeleteProjectRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Delete a project with its tasks and records; repositories and linked directories of yours stay
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The project
    #[arg(add = candidates::projects())]
    project: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = ids::project(&connection, &args.project).await?;
    context.ui.confirm(&format!("Delete project {project_id} with all its tasks and records?"))?;
    let request = DeleteProjectRequest { project_id: project_id.clone(), request_id: request_id() };
    let answer = connection.projects().delete_project(request).await?.into_inner();
    context.ui.done(&answer, None, format!("project {project_id} deleted with {} tasks", answer.deleted_tasks))
}

//! `aqctl archive add` (F-164).

use aq_proto::v1::ArchiveTasksRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Archive finished tasks: they leave the lists and lose nothing; a file tells of each
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The tasks; all of them or none
    #[arg(required_unless_present = "project", conflicts_with = "project", add = candidates::tasks())]
    task: Vec<String>,
    /// Every finished task of this project instead
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// With --project: also failed and blocked tasks
    #[arg(long, requires = "project")]
    include_failed: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ArchiveTasksRequest { include_failed: args.include_failed, request_id: request_id(), ..Default::default() };
    match &args.project {
        Some(typed) => request.project_id = ids::project(&connection, typed).await?,
        None => request.task_ids = ids::tasks(&connection, &args.task).await?,
    }
    let answer = connection.tasks().archive_tasks(request).await?.into_inner();
    context.ui.show(&answer, render::archive::archived)?;
    if answer.archived.is_empty() {
        context.ui.talk("nothing to archive; only completed, failed and blocked tasks can be");
    } else {
        context.ui.talk(format!("{} archived; files: {}", answer.archived.len(), answer.note_folder));
    }
    Ok(())
}

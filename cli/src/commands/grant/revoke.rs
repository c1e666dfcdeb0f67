//! `aqctl grant revoke`.

use aq_proto::v1::RevokePermissionGrantRequest;

use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Take back what was allowed once and for all; the next use of the tool is asked again
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("holder").required(true).args(["task", "project"]))]
pub(crate) struct Args {
    /// The tool, as it is listed
    tool: String,
    /// It was allowed for this task
    #[arg(short, long, value_name = "TASK", add = candidates::tasks())]
    task: Option<String>,
    /// It was allowed for this whole project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = RevokePermissionGrantRequest { tool: args.tool, request_id: request_id(), ..Default::default() };
    if let Some(typed) = &args.task {
        request.task_id = ids::task(&connection, typed).await?;
    }
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    let gone = connection.tasks().revoke_permission_grant(request).await?.into_inner();
    let of = if gone.task_id.is_empty() { format!("project {}", gone.project_id) } else { format!("task {}", gone.task_id) };
    context.ui.done(&gone, None, format!("{} is asked for again in {of}", gone.tool))
}

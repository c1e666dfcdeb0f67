//! `aqctl grant list`.

use aq_proto::v1::ListPermissionGrantsRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List the tools that were allowed once and for all (`aqctl answer --allow --always`)
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only grants of this project and its tasks
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Only what holds for this task: its own grants and those of its project
    #[arg(short, long, value_name = "TASK", add = candidates::tasks())]
    task: Option<String>,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = ListPermissionGrantsRequest::default();
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    if let Some(typed) = &args.task {
        request.task_id = ids::task(&connection, typed).await?;
    }
    let page = paging::pages!(args.paging, connection.tasks(), list_permission_grants, request, grants);
    context.ui.show(&page, render::grant::list)?;
    paging::note(&context.ui, page.grants.len(), page.total_size, &page.next_page_token, "nothing is allowed once and for all");
    Ok(())
}

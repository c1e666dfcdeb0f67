//! `aqctl chain` (F-161).

use aq_proto::v1::GetChainHealthRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Say which tasks cannot go on because others are blocked or failed, and why
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// One task: what stands in its way, and who waits behind it
    #[arg(conflicts_with = "project", add = candidates::tasks())]
    task: Option<String>,
    /// Only chains of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let mut request = GetChainHealthRequest::default();
    if let Some(typed) = &args.task {
        request.task_id = ids::task(&connection, typed).await?;
    }
    if let Some(typed) = &args.project {
        request.project_id = ids::project(&connection, typed).await?;
    }
    let answer = connection.tasks().get_chain_health(request).await?.into_inner();
    context.ui.show(&answer, render::chain::health)
}

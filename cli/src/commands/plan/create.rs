//! `aqctl plan create`.

use aq_proto::client::Connection;
use aq_proto::v1::CreatePlanRequest;

use crate::candidates;
use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;

/// Make tasks of a plan of your own, one for each part, in their order
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where the plan comes from.
    #[command(flatten)]
    source: Source,
}

/// A plan, and where its tasks go.
#[derive(clap::Args, Debug)]
pub(super) struct Source {
    /// File with the plan, markdown; `-` reads standard input
    file: String,
    /// The project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: String,
    /// The task that the plan belongs to; its first step waits for it
    #[arg(long, value_name = "TASK", add = candidates::tasks())]
    parent: Option<String>,
}

/// The request for the plan in `source`.
pub(super) async fn request(context: &Context, connection: &Connection, source: &Source) -> Result<CreatePlanRequest, CliError> {
    let text = long_text(&context.ui, None, Some(&source.file))?.unwrap_or_default();
    if text.trim().is_empty() {
        return Err(CliError::usage("the plan is empty"));
    }
    let project_id = ids::project(connection, &source.project).await?;
    let parent_task_id = match &source.parent {
        Some(typed) => ids::task(connection, typed).await?,
        None => String::new(),
    };
    Ok(CreatePlanRequest { project_id, parent_task_id, text, dry_run: false, request_id: request_id() })
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = request(context, &connection, &args.source).await?;
    let answer = connection.plans().create_plan(request).await?.into_inner();
    let plan = answer.plan.clone().unwrap_or_default();
    let dropped = answer.reading.as_ref().map_or(0, |reading| reading.dropped.len());
    if dropped > 0 {
        context.ui.warn(format!("{dropped} steps are beyond the server's limit and became no tasks; see: aqctl plan show {}", plan.id));
    }
    context.ui.done(&answer, Some(&plan.id), format!("plan {} became {} tasks", plan.id, answer.tasks.len()))
}

//! `aqctl forecast`: when tasks will start and end.

use aq_proto::v1::ForecastTasksRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show when waiting tasks are expected to start and to end, from the lengths of past runs, with limits and budgets
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only tasks of this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Most tasks, up to 200
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = match &args.project {
        Some(typed) => ids::project(&connection, typed).await?,
        None => String::new(),
    };
    let answer = connection.tasks().forecast_tasks(ForecastTasksRequest { project_id, max_tasks: args.limit }).await?.into_inner();
    context.ui.show(&answer, render::forecast::forecast)?;
    if answer.tasks.is_empty() {
        context.ui.talk("no task waits to be started");
    }
    Ok(())
}

//! `aqctl run show`.

use aq_proto::v1::GetRunRequest;

use crate::candidates;
use crate::commands::logs::split;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show one run, the newest of the task when no number is given
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The run: swift-falcon/2, or swift-falcon for the newest
    #[arg(value_name = "TASK[/RUN]", add = candidates::tasks())]
    run: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let (typed, run_number) = split(&args.run)?;
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, typed).await?;
    let run = connection.runs().get_run(GetRunRequest { task_id, run_number }).await?.into_inner();
    context.ui.show(&run, render::run::show)
}

//! `aqctl task tree` (F-159).

use aq_proto::v1::GetTaskTreeRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show a task with everything below it
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The root
    #[arg(add = candidates::tasks())]
    task: String,
    /// Only the root and its progress
    #[arg(long)]
    compact: bool,
    /// Deepest level shown, 1 to 20
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20))]
    depth: u32,
    /// Also show what depends on what
    #[arg(long)]
    deps: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = GetTaskTreeRequest { task_id, compact: args.compact, max_depth: args.depth, show_dependencies: args.deps };
    let answer = connection.tasks().get_task_tree(request).await?.into_inner();
    context.ui.show(&answer, |look, answer| render::tree::tree(look, args.compact, answer))
}

//! `aqctl diff` (F-115).

use aq_proto::v1::GetDiffRequest;

use crate::candidates;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// Show what a task changed, against the commit that its branch stands on
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The task
    #[arg(add = candidates::tasks())]
    task: String,
    /// Only the names of the files
    #[arg(long)]
    files: bool,
    /// Longest text, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, value_parser = clap::value_parser!(u32).range(1..=2 << 20))]
    max_bytes: u32,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = GetDiffRequest { task_id, files_only: args.files, max_bytes: args.max_bytes, ..Default::default() };
    let changes = connection.git().get_diff(request).await?.into_inner();
    context.ui.show(&changes, render::git::changes)?;
    if changes.text_cut {
        context.ui.warn("the diff is longer than what is shown; allow more with --max-bytes");
    }
    Ok(())
}

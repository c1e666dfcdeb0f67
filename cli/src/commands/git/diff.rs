//! `aqctl git diff`.

use aq_proto::v1::GetDiffRequest;

use super::place::Place;
use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// Show what a branch or commit changed since it left another
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The repository.
    #[command(flatten)]
    place: Place,
    /// The branch or commit
    #[arg(value_name = "HEAD")]
    head: String,
    /// Where it left [default: the default branch]
    #[arg(long, value_name = "BASE")]
    base: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (project_id, workspace_id) = args.place.ids(&connection).await?;
    let base = args.base.unwrap_or_default();
    let request = GetDiffRequest { project_id, workspace_id, base, head: args.head, max_bytes: 2 << 20, ..Default::default() };
    let changes = connection.git().get_diff(request).await?.into_inner();
    context.ui.show(&changes, render::git::changes)?;
    if changes.text_cut {
        context.ui.warn("the diff is longer than what is shown");
    }
    Ok(())
}

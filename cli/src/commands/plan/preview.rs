//! `aqctl plan preview`.

use aq_proto::v1::CreatePlanRequest;

use super::create::{Source, request};
use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// Show which tasks a plan would become; nothing is created
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where the plan comes from.
    #[command(flatten)]
    source: Source,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = CreatePlanRequest { dry_run: true, ..request(context, &connection, &args.source).await? };
    let answer = connection.plans().create_plan(request).await?.into_inner();
    context.ui.show(&answer, render::plan::preview)
}

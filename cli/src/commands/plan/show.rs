//! `aqctl plan show`.

use aq_proto::v1::GetPlanRequest;

use crate::context::Context;
use crate::error::CliError;
use crate::render;

/// Show a plan with its text and the tasks that it becomes
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The plan
    plan: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let answer = connection.plans().get_plan(GetPlanRequest { plan_id: args.plan }).await?.into_inner();
    context.ui.show(&answer, render::plan::show)
}

//! `aqctl plan approve`.

use aq_proto::v1::ApprovePlanRequest;

use crate::context::{Context, request_id};
use crate::error::CliError;

/// Accept a plan; its steps become tasks
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The plan
    plan: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = ApprovePlanRequest { plan_id: args.plan.clone(), request_id: request_id() };
    let answer = connection.plans().approve_plan(request).await?.into_inner();
    context.ui.done(&answer, None, format!("plan {} became {} tasks", args.plan, answer.tasks.len()))
}

//! `aqctl plan reject`.

use aq_proto::v1::RejectPlanRequest;

use crate::commands::values::long_text;
use crate::context::{Context, request_id};
use crate::error::CliError;

/// Refuse a plan; with feedback its task is done again
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The plan
    plan: String,
    /// What is wrong with it; `-` reads standard input
    feedback: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let feedback = long_text(&context.ui, args.feedback.as_deref(), None)?.unwrap_or_default();
    let connection = context.connect().await?;
    let request = RejectPlanRequest { plan_id: args.plan, feedback, request_id: request_id() };
    let plan = connection.plans().reject_plan(request).await?.into_inner();
    context.ui.done(&plan, None, format!("plan {} rejected", plan.id))
}

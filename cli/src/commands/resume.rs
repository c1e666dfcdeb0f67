//! `aqctl resume`: work starts again.

use aq_proto::v1::ResumeSchedulingRequest;

use crate::context::{Context, request_id};
use crate::error::CliError;

/// Let work start again after `aqctl pause`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(super) async fn run(context: &Context, _args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let status = connection.admin().resume_scheduling(ResumeSchedulingRequest { request_id: request_id() }).await?.into_inner();
    context.ui.done(&status, None, "scheduling goes on")
}

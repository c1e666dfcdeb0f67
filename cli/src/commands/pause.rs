//! `aqctl pause`: nothing new starts, server-wide.

use aq_proto::v1::PauseSchedulingRequest;

use crate::context::{Context, request_id};
use crate::error::CliError;

/// Let nothing new start, on the whole server; what runs goes on
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let request = PauseSchedulingRequest { reason: args.reason, request_id: request_id() };
    let status = connection.admin().pause_scheduling(request).await?.into_inner();
    let running = status.running.len();
    context.ui.done(&status, None, format!("scheduling is paused; {running} running tasks go on; start again with: aqctl resume"))
}

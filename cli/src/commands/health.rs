//! `aqctl health`: for containers and scripts.

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::local::health::{self, Serving};

/// Ask whether the server serves; ends with 0 only when it does, needs no key
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The service asked about, for example agentqueue.v1.TaskService; empty: the whole server
    #[arg(value_name = "SERVICE", default_value = "")]
    service: String,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let options = context.options(true)?;
    match health::ask(&options, &args.service).await? {
        Serving::Yes => context.ui.print("SERVING"),
        Serving::No => {
            context.ui.print("NOT_SERVING")?;
            Err(CliError::new(Kind::Unavailable, "the server does not serve: it is starting or ending"))
        }
    }
}

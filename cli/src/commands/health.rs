//! `aqctl health`: for containers and scripts.

use serde::Serialize;

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

/// What is printed as data.
#[derive(Serialize)]
struct Answer<'a> {
    service: &'a str,
    status: &'static str,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let options = context.options(true)?;
    let serving = health::ask(&options, &args.service).await?;
    let status = match serving {
        Serving::Yes => "SERVING",
        Serving::No => "NOT_SERVING",
    };
    context.ui.show_data(&Answer { service: &args.service, status }, |_| status.to_owned())?;
    match serving {
        Serving::Yes => Ok(()),
        Serving::No => Err(CliError::new(Kind::Unavailable, "the server does not serve: it is starting or ending")),
    }
}

//! `aqctl server status`.

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::local::health::{self, Serving};
use crate::local::lock::{self, Lock};

/// Tell whether the server is running and serves; ends with 0 only when it does
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(super) async fn run(context: &Context, _args: &Args) -> Result<(), CliError> {
    let serving = match context.options(true) {
        Ok(options) => {
            let place = options.endpoint.to_string();
            health::ask(&options, "").await.map(|serving| (serving, place))
        }
        Err(error) => Err(error),
    };
    if let Ok((Serving::Yes, place)) = &serving {
        return context.ui.print(&format!("running, serves at {place}"));
    }
    let held = if context.has_endpoint() { Lock::Free } else { lock::look(&context.home()?)? };
    match (held, serving) {
        (_, Ok((_, place))) => {
            context.ui.print(&format!("running, does not serve yet or any more, at {place}"))?;
            Err(CliError::new(Kind::Unavailable, "the server does not serve").hint("see: aqctl server logs"))
        }
        (Lock::Held(pid), Err(error)) => {
            let pid = pid.map(|pid| format!(" (process {})", pid.as_raw_nonzero())).unwrap_or_default();
            context.ui.print(&format!("running{pid}, does not answer"))?;
            Err(CliError { kind: Kind::Unavailable, ..error }.hint("see: aqctl server logs"))
        }
        (Lock::Free, Err(error)) => {
            context.ui.print("not running")?;
            Err(CliError { kind: Kind::Unavailable, ..error }.hint("start it with: aqctl server start"))
        }
    }
}

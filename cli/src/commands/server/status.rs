//! `aqctl server status`.

use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::local::health::{self, Serving};
use crate::local::lock::{self, Lock};

/// Tell whether the server is running and serves; ends with 0 only when it does
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

/// What is known of the server; printed as data, or as a line.
#[derive(Serialize)]
struct State {
    /// `serving`, `running` (it answers and does not serve yet or any more), `silent` (it runs and does not answer) or `stopped`.
    state: &'static str,
    /// Where it answered.
    endpoint: Option<String>,
    /// Its process, as far as only the lock told of it.
    pid: Option<i32>,
}

pub(super) async fn run(context: &Context, _args: &Args) -> Result<(), CliError> {
    let serving = match context.options(true) {
        Ok(options) => {
            let place = options.endpoint.to_string();
            health::ask(&options, "").await.map(|serving| (serving, place))
        }
        Err(error) => Err(error),
    };
    if let Ok((Serving::Yes, place)) = &serving {
        let state = State { state: "serving", endpoint: Some(place.clone()), pid: None };
        return context.ui.show_data(&state, |_| format!("running, serves at {place}"));
    }
    let held = if context.has_endpoint() { Lock::Free } else { lock::look(&context.home()?)? };
    match (held, serving) {
        (_, Ok((_, place))) => {
            let state = State { state: "running", endpoint: Some(place.clone()), pid: None };
            context.ui.show_data(&state, |_| format!("running, does not serve yet or any more, at {place}"))?;
            Err(CliError::new(Kind::Unavailable, "the server does not serve").hint("see: aqctl server logs"))
        }
        (Lock::Held(pid), Err(error)) => {
            let pid = pid.map(|pid| pid.as_raw_nonzero().get());
            let named = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            context.ui.show_data(&State { state: "silent", endpoint: None, pid }, |_| format!("running{named}, does not answer"))?;
            Err(CliError { kind: Kind::Unavailable, ..error }.hint("see: aqctl server logs"))
        }
        (Lock::Free, Err(error)) => {
            context.ui.show_data(&State { state: "stopped", endpoint: None, pid: None }, |_| "not running".to_owned())?;
            Err(CliError { kind: Kind::Unavailable, ..error }.hint("start it with: aqctl server start"))
        }
    }
}

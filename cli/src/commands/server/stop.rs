//! `aqctl server stop`.

use std::path::Path;
use std::time::Duration;

use aq_proto::client::{Connection, discover};
use aq_proto::v1::ShutdownRequest;
use rustix::process::{Signal, kill_process};

use crate::context::{Context, request_id};
use crate::error::{CliError, Kind};
use crate::local::lock::{self, Lock};

/// What the server gets beyond its grace before it is signalled.
const BEYOND: Duration = Duration::from_secs(5);
/// What it gets after the signal.
const AFTER_SIGNAL: Duration = Duration::from_secs(10);
/// How often it is looked whether it has ended.
const STEP: Duration = Duration::from_millis(50);

/// Stop the server; what runs goes on without it and is taken up by the next start
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct Args {
    /// Longest time that open calls get to finish
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    grace: humantime::Duration,
    /// Stop what runs too; the tasks go on after the next start without using a retry
    #[arg(long)]
    stop_runs: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let home = context.home()?;
    if lock::look(&home)? == Lock::Free {
        context.ui.talk("the server is not running");
        return Ok(());
    }
    let grace = Duration::from(args.grace);
    match ask(context, &home, args, grace).await {
        Ok(running) if running > 0 && !args.stop_runs => context.ui.talk(format!("{running} runs go on without the server")),
        Ok(_) => {}
        Err(error) => context.ui.warn(format!("the server cannot be asked to end ({}); it will be signalled", error.message)),
    }
    if until_free(&home, grace.saturating_add(BEYOND)).await? {
        context.ui.talk("the server has ended");
        return Ok(());
    }
    let Lock::Held(Some(pid)) = lock::look(&home)? else {
        return if lock::look(&home)? == Lock::Free { Ok(()) } else { Err(stuck(&home, "its process is not known")) };
    };
    context.ui.talk(format!("the server has not ended; sending SIGTERM to process {}", pid.as_raw_nonzero()));
    kill_process(pid, Signal::TERM)
        .map_err(|error| stuck(&home, &format!("process {} cannot be signalled: {error}", pid.as_raw_nonzero())))?;
    if until_free(&home, AFTER_SIGNAL).await? {
        context.ui.talk("the server has ended");
        return Ok(());
    }
    Err(stuck(&home, &format!("process {} does not heed SIGTERM", pid.as_raw_nonzero())))
}

fn stuck(home: &Path, why: &str) -> CliError {
    CliError::new(Kind::Timeout, format!("the server of {} does not end: {why}", home.display())).hint("see: aqctl server logs")
}

/// Asks the server to end; the answer is the number of runs that go on.
async fn ask(context: &Context, home: &Path, args: &Args, grace: Duration) -> Result<u32, CliError> {
    let mut options = context.options(false)?;
    options.endpoint = discover(home)?.endpoint;
    options.connect_timeout = Duration::from_secs(2);
    options.deadline = Duration::from_secs(5);
    let connection = Connection::connect(&options).await?;
    let request = ShutdownRequest { grace: Some(aq_proto::time::duration(grace)), stop_runs: args.stop_runs, request_id: request_id() };
    Ok(connection.admin().shutdown(request).await?.into_inner().running)
}

/// Waits until nobody holds the lock; false when that takes too long.
async fn until_free(home: &Path, most: Duration) -> Result<bool, CliError> {
    let waiting = async {
        while lock::look(home)? != Lock::Free {
            tokio::time::sleep(STEP).await;
        }
        Ok::<_, CliError>(())
    };
    match tokio::time::timeout(most, waiting).await {
        Ok(done) => done.map(|()| true),
        Err(_) => Ok(false),
    }
}

//! Following a stream: until it ends, until the time is over, or until Ctrl-C detaches (commands R9, R10).

use std::future::Future;

use crate::context::Context;
use crate::error::{CliError, Kind};

/// Waits for `work`, at most as long as `--timeout` says.
///
/// # Errors
/// Timeout when the time is over; else what `work` says.
pub(crate) async fn within<T>(context: &Context, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let Some(limit) = context.globals.timeout else { return work.await };
    let over = |_| Err(CliError::new(Kind::Timeout, format!("not done within {limit}")));
    tokio::time::timeout(limit.into(), work).await.unwrap_or_else(over)
}

/// The same; Ctrl-C ends it with a word about how to come back.
///
/// # Errors
/// Interrupted after Ctrl-C, with nothing left to say; else as [`within`].
pub(crate) async fn following(
    context: &Context,
    come_back: &str,
    work: impl Future<Output = Result<(), CliError>>,
) -> Result<(), CliError> {
    tokio::select! {
        biased;
        result = within(context, work) => result,
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            context.ui.talk(format!("\ndetached, the work goes on; come back with: {come_back}"));
            Err(CliError::new(Kind::Interrupted, ""))
        }
    }
}

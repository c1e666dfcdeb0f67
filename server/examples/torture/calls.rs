//! What an answer means while the server may die at any instant.

use std::time::Duration;

use tokio::time::sleep;
use tonic::{Code, Response, Status};

/// An answer.
#[derive(Debug)]
pub(crate) enum Said<T> {
    /// Done.
    Yes(T),
    /// Not now: the server lives and asks to come again.
    Later,
    /// The server is gone; whether the call had its effect is not known.
    Gone,
    /// Refused for good.
    No(Status),
}

/// Reads an answer. `killed`: the server was killed before or while the call was under way.
pub(crate) fn read<T>(answer: Result<Response<T>, Status>, killed: bool) -> Said<T> {
    match answer {
        Ok(answer) => Said::Yes(answer.into_inner()),
        Err(status) => match status.code() {
            Code::ResourceExhausted | Code::Aborted => Said::Later,
            Code::Unavailable | Code::Cancelled | Code::Unknown | Code::DeadlineExceeded | Code::Internal if killed => Said::Gone,
            Code::Unavailable => Said::Later,
            _ => Said::No(status),
        },
    }
}

/// Makes a call to a server that is not killed meanwhile, again where it asks for it.
pub(crate) async fn insist<T, A>(what: &str, mut call: impl FnMut() -> A) -> Result<T, String>
where
    A: Future<Output = Result<Response<T>, Status>>,
{
    let mut last = String::new();
    for _ in 0..200 {
        match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if matches!(status.code(), Code::ResourceExhausted | Code::Aborted | Code::Unavailable) => {
                status.message().clone_into(&mut last);
                sleep(Duration::from_millis(25)).await;
            }
            Err(status) => return Err(format!("{what}: {:?}: {}", status.code(), status.message())),
        }
    }
    Err(format!("{what}: put off without an end: {last}"))
}

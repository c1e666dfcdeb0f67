//! Deadlines of calls that answer once: the client's own (`grpc-timeout`), else the server's. A stream has the server's to begin.

use std::time::Duration;

use aq_proto::methods::is_server_streaming;
use http::{HeaderMap, Request, Response};
use tonic::body::Body;

use super::middleware::{Middleware, Next};
use super::refusal;

const HEADER: &str = "grpc-timeout";

/// Answering this much early, the deadline's own status reaches a client before its own timer or the transport's calls it a cancellation.
const MARGIN: Duration = Duration::from_millis(10);

/// Timers count in milliseconds: below that, nobody could say whether this timer or the transport's comes first.
const SHORTEST: Duration = Duration::from_millis(1);

/// gRPC R6.
#[derive(Debug)]
pub(super) struct Deadlines {
    default: Duration,
    longest: Duration,
}

impl Deadlines {
    pub(super) fn new(default: Duration) -> Self {
        Self { default, longest: default.saturating_mul(10) }
    }
}

/// Reads `grpc-timeout`: 1 to 8 digits and a unit. `Ok(None)` when it is absent.
fn asked(headers: &HeaderMap) -> Result<Option<Duration>, ()> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let text = value.to_str().map_err(|_| ())?;
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(())?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    let number: u64 = digits.parse().map_err(|_| ())?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(number.saturating_mul(3600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return Err(()),
    }))
}

#[tonic::async_trait]
impl Middleware for Deadlines {
    async fn handle(&self, request: Request<Body>, next: Next<'_>) -> Response<Body> {
        let Ok(asked) = asked(request.headers()) else {
            return refusal::respond(refusal::bad_deadline());
        };
        // A stream whose request never comes is none; once it has begun it may last.
        let own = asked.filter(|_| !is_server_streaming(request.uri().path()));
        let length = own.unwrap_or(self.default).min(self.longest);
        if length < SHORTEST {
            return refusal::respond(refusal::deadline_passed(length));
        }
        let timer = length.saturating_sub(MARGIN).max(length / 2);
        match tokio::time::timeout(timer, next.run(request)).await {
            Ok(response) => response,
            Err(_) => refusal::respond(refusal::deadline_passed(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(text: &str) -> Result<Option<Duration>, ()> {
        asked(&HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), HeaderValue::from_str(text).unwrap())]))
    }

    /// gRPC R6: every unit is read; anything else is refused, not ignored.
    #[test]
    fn deadlines_are_read() {
        assert_eq!(read("5S"), Ok(Some(Duration::from_secs(5))));
        assert_eq!(read("99999999H"), Ok(Some(Duration::from_secs(99_999_999 * 3600))));
        assert_eq!(read("250m"), Ok(Some(Duration::from_millis(250))));
        assert_eq!(read("1u"), Ok(Some(Duration::from_micros(1))));
        for text in ["", "S", "5", "5s", "-5S", "123456789S", "5 S"] {
            assert_eq!(read(text), Err(()), "{text}");
        }
        assert_eq!(asked(&HeaderMap::new()), Ok(None));
    }
}

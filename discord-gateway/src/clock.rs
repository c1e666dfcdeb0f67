//! The one place that reads the wall clock.
//!
//! Spec: specs/discord-gateway/README.md

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the gateway's one clock")]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

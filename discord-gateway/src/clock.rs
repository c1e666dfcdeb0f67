//! The one place that reads the wall clock; everything else is given a clock.
//!
//! Spec: specs/discord-gateway/README.md

/// Tells the time.
pub(crate) trait Clock: std::fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;
}

/// The clock of this machine.
#[derive(Debug)]
pub(crate) struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the gateway's one clock")]
    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
    }
}

/// A clock of tests: it goes with tokio's, so that a paused test moves it.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Paused {
    from: i64,
    since: tokio::time::Instant,
}

#[cfg(test)]
impl Paused {
    /// It is `from` now, in milliseconds since 1970.
    pub(crate) fn at(from: i64) -> Self {
        Self { from, since: tokio::time::Instant::now() }
    }
}

#[cfg(test)]
impl Clock for Paused {
    fn now_ms(&self) -> i64 {
        self.from + i64::try_from(self.since.elapsed().as_millis()).unwrap()
    }
}

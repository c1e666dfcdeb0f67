//! The watch over the server's own loop: a timer that comes late means that everything does.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::meters::Meters;
use crate::beat::{Activity, Beat};

/// How often the timer is set while anything happens.
const PERIOD: Duration = Duration::from_secs(5);
/// A delay from which it is told in the log.
const LATE: Duration = Duration::from_secs(1);
/// It is told again after this time at the earliest.
const AGAIN: Duration = Duration::from_secs(60);

/// Measures until `stop` how late a timer comes (metrics R5).
pub async fn watch_lag(meters: &Meters, activity: Activity, stop: CancellationToken) {
    let mut timer = Beat::while_active(PERIOD, activity);
    let mut told: Option<Instant> = None;
    loop {
        let due = tokio::select! {
            due = timer.tick() => due,
            () = stop.cancelled() => return,
        };
        let now = Instant::now();
        let lag = now.saturating_duration_since(due);
        meters.lagged(lag);
        if lag >= LATE && told.is_none_or(|at| now.saturating_duration_since(at) >= AGAIN) {
            told = Some(now);
            tracing::warn!(lag_ms = lag.as_millis(), "the server's timers come late: the machine is overloaded, or it slept");
        }
    }
}

//! Every figure by its name (metrics R2).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// The labels of one figure, by name.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A figure that is measured anew at every reading.
pub(super) type Level = Gauge<f64, AtomicU64>;
/// A sum that only grows, kept elsewhere and copied at every reading.
pub(super) type Total = Counter<f64, AtomicU64>;
type Lengths = Family<Labels, Histogram, fn() -> Histogram>;

/// Bounds for calls: a millisecond to ten seconds.
const CALLS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];
/// Bounds for work and waits: a second to a day.
const WORK: [f64; 12] = [1.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 43_200.0, 86_400.0];

/// The figures. One per server.
pub struct Meters {
    registry: Registry,
    pub(super) tasks: Family<Labels, Level>,
    pub(super) open_runs: Level,
    pub(super) limit_until: Family<Labels, Level>,
    pub(super) fault_until: Family<Labels, Level>,
    pub(super) window_used: Family<Labels, Level>,
    pub(super) tokens: Family<Labels, Total>,
    pub(super) cost: Total,
    pub(super) subscribers: Family<Labels, Level>,
    pub(super) paused: Level,
    run_seconds: Lengths,
    queue_wait: Histogram,
    pub(super) calls: Family<Labels, Counter>,
    pub(super) call_seconds: Lengths,
    lag: Level,
    /// The longest lag since the last reading, as the bits of its seconds.
    longest_lag: AtomicU64,
}

impl Meters {
    /// Figures that stand at nothing.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut meters = Self {
            registry: Registry::with_prefix("aq"),
            tasks: Family::default(),
            open_runs: Level::default(),
            limit_until: Family::default(),
            fault_until: Family::default(),
            window_used: Family::default(),
            tokens: Family::default(),
            cost: Total::default(),
            subscribers: Family::default(),
            paused: Level::default(),
            run_seconds: Family::new_with_constructor(|| Histogram::new(WORK)),
            queue_wait: Histogram::new(WORK),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(|| Histogram::new(CALLS)),
            lag: Level::default(),
            longest_lag: AtomicU64::new(0),
        };
        meters.register();
        Arc::new(meters)
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("tasks", "Tasks by status, archived and deleted ones left out", self.tasks.clone());
        registry.register("open_runs", "Runs that hold an agent or a workspace", self.open_runs.clone());
        registry.register("paused", "1 while an operator holds up everything new", self.paused.clone());
        registry.register("run_seconds", "Length of the runs that ended, from their assignment on", self.run_seconds.clone());
        registry.register("queue_wait_seconds", "How long tasks that were assigned had waited, ready to start", self.queue_wait.clone());
        registry.register(
            "agent_limit_until_seconds",
            "When the agent's account opens again, in Unix time; 0: it is open",
            self.limit_until.clone(),
        );
        registry.register(
            "agent_fault_until_seconds",
            "When an agent that cannot work is tried again, in Unix time; 0: nothing is known to be wrong",
            self.fault_until.clone(),
        );
        registry.register("account_window_used_ratio", "Used part of an account's window, as far as it is known", self.window_used.clone());
        registry.register("tokens", "Tokens spent since the server started", self.tokens.clone());
        registry.register("cost_usd", "Cost that agents stated since the server started, in US dollars", self.cost.clone());
        registry.register("stream_subscribers", "Open followers of events and of the output of live runs", self.subscribers.clone());
        registry.register("grpc_requests", "Calls that were answered", self.calls.clone());
        registry.register("grpc_request_seconds", "Time until a call's answer began", self.call_seconds.clone());
        registry.register("loop_lag_seconds", "Longest delay of a timer of the server since the last reading", self.lag.clone());
    }

    pub(super) fn run_ended(&self, runtime: &str, result: &str, length: Duration) {
        let labels = vec![("runtime", runtime.to_owned()), ("result", result.to_owned())];
        self.run_seconds.get_or_create(&labels).observe(length.as_secs_f64());
    }

    pub(super) fn waited(&self, wait: Duration) {
        self.queue_wait.observe(wait.as_secs_f64());
    }

    pub(super) fn lagged(&self, lag: Duration) {
        let seconds = lag.as_secs_f64();
        let longer = |bits: u64| (f64::from_bits(bits) < seconds).then(|| seconds.to_bits());
        let _shorter = self.longest_lag.fetch_update(Ordering::Relaxed, Ordering::Relaxed, longer);
    }

    /// Everything as text. What is measured at a reading has been set before; the longest lag begins anew.
    ///
    /// # Errors
    /// Never by itself: writing to a text cannot fail.
    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        self.lag.set(f64::from_bits(self.longest_lag.swap(0, Ordering::Relaxed)));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// metrics R2, R5: names, units and bounds stand as they are promised, and a lag is told once.
    #[test]
    fn the_text_has_every_name() {
        let meters = Meters::new();
        meters.run_ended("claude", "done", Duration::from_secs(90));
        meters.waited(Duration::from_secs(2));
        meters.lagged(Duration::from_millis(250));
        meters.lagged(Duration::from_millis(50));
        meters.tokens.get_or_create(&vec![("agent", "a".to_owned()), ("model", "m".to_owned()), ("kind", "input".to_owned())]).inc_by(5.0);
        insta::assert_snapshot!(meters.text().unwrap());
        assert!(meters.text().unwrap().contains("\naq_loop_lag_seconds 0.0\n"));
    }
}

//! What is measured when somebody reads: tasks, runs, accounts, tokens and followers as they stand in the writer.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;

use super::meters::{Labels, Level, Meters, Total};
use crate::clock::SharedClock;
use crate::events::{EventBus, OutputHub};
use crate::lifecycle::{Engine, Figures, Spender, Spent};
use crate::store::StoreError;

/// Where the figures come from.
#[derive(Clone)]
pub struct Sources {
    /// The writer.
    pub engine: Engine,
    /// Events.
    pub bus: EventBus,
    /// Run output.
    pub hub: OutputHub,
    /// The clock.
    pub clock: SharedClock,
}

/// A copy of what is told, so that the writer is held up for no longer than copying takes.
struct Copied {
    tasks: BTreeMap<TaskStatus, u64>,
    open_runs: usize,
    paused: bool,
    limits: Vec<(String, String, Option<Timestamp>)>,
    faults: Vec<(String, Option<Timestamp>)>,
    windows: Vec<(String, String, f64)>,
    spent: BTreeMap<Spender, Spent>,
}

impl Copied {
    fn of(figures: &Figures, now: Timestamp) -> Self {
        let mut tasks = BTreeMap::new();
        for (status, count) in figures.projects.values().flat_map(|project| &project.counts) {
            *tasks.entry(*status).or_default() += count;
        }
        let agents = figures.agents.values().filter_map(|agent| Some((agent, figures.accounts.get(agent.account.as_ref()?)?)));
        let limits = agents.map(|(agent, account)| (agent.id.to_string(), account.id.to_string(), account.closed_until(now)));
        let windows = figures.accounts.values().flat_map(|account| account.windows.iter().map(move |window| (account, window)));
        let windows = windows.filter_map(|(account, window)| Some((account.id.to_string(), window.name.clone(), window.used_at(now)?)));
        Self {
            tasks,
            open_runs: figures.runs.len(),
            paused: figures.paused,
            limits: limits.collect(),
            faults: figures.agents.values().map(|agent| (agent.id.to_string(), agent.fault.as_ref().map(|fault| fault.until))).collect(),
            windows: windows.collect(),
            spent: figures.spent.clone(),
        }
    }
}

impl Sources {
    /// Sets every figure that is measured at a reading (metrics R3).
    ///
    /// # Errors
    /// When the writer has ended.
    pub(super) async fn measure(&self, meters: &Meters) -> Result<(), StoreError> {
        let now = self.clock.now();
        let copied = self.engine.submit(move |tx| Ok::<_, StoreError>(Copied::of(tx.state, now))).await?;
        // What is no longer there is no longer told: a window that was reset, an agent that was deleted.
        meters.limit_until.clear();
        meters.fault_until.clear();
        meters.window_used.clear();
        for status in TaskStatus::ALL {
            let count = copied.tasks.get(status).copied().unwrap_or(0);
            level(&meters.tasks, vec![("status", status.as_str().to_owned())], count as f64);
        }
        meters.open_runs.set(copied.open_runs as f64);
        meters.paused.set(f64::from(u8::from(copied.paused)));
        for (agent, account, until) in copied.limits {
            level(&meters.limit_until, vec![("agent", agent), ("account", account)], seconds(until));
        }
        for (agent, until) in copied.faults {
            level(&meters.fault_until, vec![("agent", agent)], seconds(until));
        }
        for (account, window, used) in copied.windows {
            level(&meters.window_used, vec![("account", account), ("window", window)], used);
        }
        let mut cost = 0;
        for (who, spent) in copied.spent {
            cost += spent.cost_micros;
            let tokens = spent.tokens;
            for (kind, count) in
                [("input", tokens.input), ("output", tokens.output), ("cache_read", tokens.cache_read), ("cache_write", tokens.cache_write)]
            {
                let labels = vec![("agent", who.agent.to_string()), ("model", who.model.clone()), ("kind", kind.to_owned())];
                total(&meters.tokens.get_or_create(&labels), count as f64);
            }
        }
        total(&meters.cost, cost as f64 / 1e6);
        level(&meters.subscribers, vec![("stream", "events".to_owned())], self.bus.followers() as f64);
        level(&meters.subscribers, vec![("stream", "output".to_owned())], self.hub.followers() as f64);
        Ok(())
    }
}

/// An instant in Unix time; 0: there is none.
fn seconds(instant: Option<Timestamp>) -> f64 {
    instant.map_or(0.0, |instant| instant.as_millis() as f64 / 1000.0)
}

fn level(family: &prometheus_client::metrics::family::Family<Labels, Level>, labels: Labels, value: f64) {
    family.get_or_create(&labels).set(value);
}

/// Copies a sum that is kept elsewhere; it never shrinks while the server runs.
fn total(counter: &Total, value: f64) {
    counter.inner().store(value.to_bits(), Ordering::Relaxed);
}

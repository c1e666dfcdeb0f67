//! What was counted, and how it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::watch::Needs;

/// Most violations told in words; all are counted.
const TOLD: usize = 40;

/// The figures of a loop.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Kills of the server.
    pub(crate) server_kills: usize,
    /// Of these, before the server was ready.
    pub(crate) early_kills: usize,
    /// Kills of shims.
    pub(crate) shim_kills: usize,
    /// Kills of agents' leaders, and of those of test commands.
    pub(crate) agent_kills: usize,
    /// Checks of everything.
    pub(crate) checks: usize,
    /// From the start of the process to SERVING.
    pub(crate) ready: Vec<Duration>,
    /// Calls sent again because their answer was lost.
    pub(crate) sent_again: usize,
    /// Acknowledged calls sent again on purpose.
    pub(crate) repeated: usize,
    /// Calls that the living server could not take and that were tried again.
    pub(crate) put_off: usize,
    /// Acknowledged tasks.
    pub(crate) tasks: usize,
    /// Tasks by status at the end.
    pub(crate) by_status: BTreeMap<String, usize>,
    /// Runs by outcome at the end.
    pub(crate) by_outcome: BTreeMap<String, usize>,
    /// Runs lost with their process.
    pub(crate) lost: usize,
    /// Tasks that had to complete and were blocked by strikes.
    pub(crate) broken: usize,
    /// Runs taken up after starts: begun again, re-attached, concluded again.
    pub(crate) taken_up: [usize; 3],
    /// Output items read back.
    pub(crate) items: u64,
    /// Commits on the default branches.
    pub(crate) commits: usize,
    /// Work directories that outlived their completed task.
    pub(crate) directories_left: usize,
    /// Error lines of the server's log.
    pub(crate) log_errors: usize,
    /// What they said, and how often.
    pub(crate) log_told: BTreeMap<String, usize>,
    /// Troubles of a soak, by name.
    pub(crate) troubles: BTreeMap<&'static str, usize>,
    /// The most descriptors that a server of a soak had open at one look, by what they lead to.
    pub(crate) descriptors: BTreeMap<String, usize>,
    /// What the servers of a soak needed.
    pub(crate) needs: Option<Needs>,
    /// Promises that did not hold, in words.
    pub(crate) violations: Vec<String>,
}

impl Figures {
    /// Notes a promise that did not hold, once.
    pub(crate) fn violation(&mut self, text: String) {
        if !self.violations.contains(&text) {
            self.violations.push(text);
        }
    }

    /// Kills of any kind.
    pub(crate) const fn kills(&self) -> usize {
        self.server_kills + self.shim_kills + self.agent_kills
    }

    /// The kills by their kind, in words.
    pub(crate) fn mix(&self) -> String {
        format!("{} of the server, {} of shims, {} of agents", self.server_kills, self.shim_kills, self.agent_kills)
    }

    /// Everything as lines.
    pub(crate) fn table(&self, seed: u64) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            // Writing into a string cannot fail.
            let _infallible = writeln!(text, "{name:<28} {value}");
        };
        line("seed", seed.to_string());
        line("kills", format!("{} ({}; {} before the server was ready)", self.kills(), self.mix(), self.early_kills));
        line("checks of everything", self.checks.to_string());
        line("tasks acknowledged", self.tasks.to_string());
        for (status, count) in &self.by_status {
            line(&format!("  {status}"), count.to_string());
        }
        line("runs", self.by_outcome.values().sum::<usize>().to_string());
        for (outcome, count) in &self.by_outcome {
            line(&format!("  {outcome}"), count.to_string());
        }
        line("runs lost", self.lost.to_string());
        line("tasks blocked by strikes", self.broken.to_string());
        let [begun, attached, concluded] = self.taken_up;
        line("runs taken up", format!("{begun} started again, {attached} re-attached, {concluded} concluded again"));
        line(
            "calls sent again",
            format!("{} without an answer, {} acknowledged, {} put off", self.sent_again, self.repeated, self.put_off),
        );
        line("output items read back", self.items.to_string());
        line("commits on main", self.commits.to_string());
        line("directories left", self.directories_left.to_string());
        line("error lines in the log", self.log_errors.to_string());
        for (message, count) in self.log_told.iter().take(TOLD) {
            line("  log", format!("{count} x {message}"));
        }
        for (name, count) in &self.troubles {
            line("  trouble", format!("{count} {name}"));
        }
        if let Some(needs) = self.needs {
            line("the server needed", needs.to_string());
        }
        for (kind, count) in self.descriptors.iter().filter(|(_, count)| **count > 1) {
            line("  descriptors", format!("{count} {kind}"));
        }
        line("ready p50 / p99 / most", format!("{} / {} / {} ms", self.at(50), self.at(99), self.at(100)));
        line("violations", self.violations.len().to_string());
        for violation in self.violations.iter().take(TOLD) {
            line("  !", violation.clone());
        }
        text
    }

    /// A percentile of the times to ready, in milliseconds.
    fn at(&self, percent: usize) -> u128 {
        let mut times: Vec<u128> = self.ready.iter().map(Duration::as_millis).collect();
        times.sort_unstable();
        let place = times.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default()
    }
}

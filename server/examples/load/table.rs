//! The table at the end, and the circumstances above it.

use std::fmt::Write as _;

use super::machine;

/// What a value has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Floor {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// It is only told.
    Told,
}

/// One measured value.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// What was measured.
    pub(crate) what: String,
    /// The value that is judged.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it has to be.
    pub(crate) floor: Floor,
    /// The absolute figures behind it.
    pub(crate) beside: String,
}

/// The table as Markdown, under the machine's circumstances.
pub(crate) fn render(lines: &[Line]) -> String {
    let mut text = circumstances();
    text.push_str("\n| Measured | Value | Floor | Met | Beside it |\n|---|---|---|---|---|\n");
    for line in lines {
        let (floor, met) = match line.floor {
            Floor::AtLeast(least) => (format!(">= {least}"), if line.value >= least { "yes" } else { "no" }),
            Floor::AtMost(most) => (format!("<= {most}"), if line.value <= most { "yes" } else { "no" }),
            Floor::Told => (String::new(), ""),
        };
        // Writing into a text cannot fail.
        let _written = writeln!(text, "| {} | {:.2} {} | {floor} | {met} | {} |", line.what, line.value, line.unit, line.beside);
    }
    text
}

/// The judged lines as the scoreboard reads them.
pub(crate) fn scores(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let (word, met) = match line.floor {
            Floor::AtLeast(least) => (format!("at least {least}"), line.value >= least),
            Floor::AtMost(most) => (format!("at most {most}"), line.value <= most),
            Floor::Told => continue,
        };
        let met = if met { "" } else { ", NOT met" };
        // Writing into a text cannot fail.
        let _written = writeln!(text, "score: {}: {:.2} {} ({word}{met}); {}", line.what, line.value, line.unit, line.beside);
    }
    text
}

fn circumstances() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let load = read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let build = if cfg!(debug_assertions) { "debug: not to be judged" } else { "optimised" };
    format!("commit {} ({build}), {}, Linux {kernel}, load average {load}\n", machine::commit(), machine::processor())
}

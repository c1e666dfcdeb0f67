//! Plays recordings to a normaliser, in one piece and cut in two at every line.

use std::path::Path;

use aq_core::output::OutputBody;
use aq_core::runner_link::StartRun;
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::{End, ExitFacts, Frame, LaunchPlan, LaunchRefused, Normalizer, Wishes, runtime};
use aq_runner::spool::{RawKind, RawLine};

pub(crate) use crate::start::{SESSION, order, start};

/// 2026-11-20T17:30:00Z.
const READ_AT_MS: i64 = 1_795_195_800_000;

pub(crate) fn plan(start: &StartRun) -> Result<LaunchPlan, LaunchRefused> {
    runtime(start.runtime).plan(&order(start, false, false))
}

pub(crate) fn fresh(kind: RuntimeKind) -> Box<dyn Normalizer> {
    let start = start(kind);
    runtime(kind).normalizer(&order(&start, false, false))
}

pub(crate) fn raw(kind: RawKind, text: &str) -> RawLine {
    RawLine { kind, bytes: text.as_bytes().to_vec(), truncated: false, dropped: 0, at_ms: READ_AT_MS, offset_after: 0 }
}

/// The lines of a recording.
pub(crate) fn recording(name: &str) -> Vec<RawLine> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runtimes/recordings").join(format!("{name}.jsonl"));
    std::fs::read_to_string(path).unwrap().lines().map(|line| raw(RawKind::Stdout, line)).collect()
}

/// What came of a recording.
#[derive(Debug, PartialEq)]
pub(crate) struct Played {
    pub(crate) items: Vec<OutputBody>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) wishes: Wishes,
    pub(crate) end: End,
}

/// Plays lines to Claude's normaliser; runtimes R2 holds at every cut.
pub(crate) fn play(lines: &[RawLine], exit: &ExitFacts) -> Played {
    play_to(&start(RuntimeKind::Claude), lines, exit)
}

/// Plays lines to the normaliser of an order; runtimes R2 holds at every cut.
pub(crate) fn play_to(start: &StartRun, lines: &[RawLine], exit: &ExitFacts) -> Played {
    let whole = play_cut(start, lines, exit, usize::MAX);
    for cut in 0..=lines.len() {
        assert_eq!(play_cut(start, lines, exit, cut), whole, "restored before line {cut}");
    }
    whole
}

fn play_cut(start: &StartRun, lines: &[RawLine], exit: &ExitFacts, cut: usize) -> Played {
    let mut normalizer = runtime(start.runtime).normalizer(&order(start, false, false));
    let (mut items, mut frames) = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        if at == cut {
            let state = normalizer.state().to_string();
            normalizer = runtime(start.runtime).restore(&serde_json::from_str(&state).unwrap()).unwrap();
        }
        let step = normalizer.line(line);
        items.extend(step.items);
        frames.extend(step.frames);
    }
    let wishes = normalizer.wishes();
    let end = normalizer.end(exit);
    items.extend(end.items.clone());
    Played { items, frames, wishes, end }
}

/// A normaliser that has read a recording.
pub(crate) fn after(name: &str) -> (Box<dyn Normalizer>, Vec<OutputBody>) {
    let mut normalizer = fresh(RuntimeKind::Claude);
    let items = recording(name).iter().flat_map(|line| normalizer.line(line).items).collect();
    (normalizer, items)
}

pub(crate) fn exit_code(code: i32) -> ExitFacts {
    ExitFacts { exit_code: Some(code), ..ExitFacts::default() }
}

/// The frame as JSON.
pub(crate) fn json(frame: &Frame) -> serde_json::Value {
    assert!(frame.bytes.ends_with(b"\n"));
    serde_json::from_slice(&frame.bytes).unwrap()
}

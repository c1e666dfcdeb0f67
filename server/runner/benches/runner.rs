//! What it costs to read what agents print: lines made into items, and secrets taken out, in bytes per second.
//!
//! `cargo bench -p aq-runner --bench runner -- [FILTER]`. The bare side is `serde_json` reading the same lines into values and nothing else; it is
//! told beside the rest, never judged here.
//!
//! Spec: specs/server/load.md

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has nothing to say")]

#[path = "../tests/runtimes/start.rs"]
mod start;

use std::hint::black_box;
use std::path::Path;

use aq_core::runner_link::StartRun;
use aq_core::runtime::RuntimeKind;
use aq_runner::redact::{REDACTED, Redactor};
use aq_runner::runtimes::{Normalizer, runtime};
use aq_runner::spool::{RawKind, RawLine};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use self::start::{order, start};

/// A value that the server knows to be secret.
const SECRET: &str = "a-value-that-only-the-server-knows";

fn fresh(start: &StartRun) -> Box<dyn Normalizer> {
    runtime(start.runtime).normalizer(&order(start, false, false))
}

/// A recording of the tests, as text.
fn recording(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runtimes/recordings").join(format!("{name}.jsonl"));
    std::fs::read_to_string(path).unwrap()
}

fn raw(line: &str) -> RawLine {
    RawLine {
        kind: RawKind::Stdout,
        bytes: line.as_bytes().to_vec(),
        truncated: false,
        dropped: 0,
        at_ms: 1_795_195_800_000,
        offset_after: 0,
    }
}

fn bytes(lines: &[&str]) -> Throughput {
    Throughput::Bytes(u64::try_from(lines.iter().map(|line| line.len()).sum::<usize>()).unwrap())
}

fn normalisation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalise");
    for (kind, name) in [(RuntimeKind::Claude, "work"), (RuntimeKind::Codex, "codex_work")] {
        let (start, text) = (start(kind), recording(name));
        let lines: Vec<&str> = text.lines().collect();
        let raws: Vec<RawLine> = lines.iter().copied().map(raw).collect();
        group.throughput(bytes(&lines));
        group.bench_function(format!("{name}: items"), |bencher| {
            bencher.iter(|| {
                let mut normalizer = fresh(&start);
                raws.iter().map(|line| normalizer.line(black_box(line)).items.len()).sum::<usize>()
            });
        });
        group.bench_function(format!("{name}: bare JSON"), |bencher| {
            bencher.iter(|| lines.iter().filter(|line| serde_json::from_str::<serde_json::Value>(black_box(line)).is_ok()).count());
        });
    }
    group.finish();
}

fn redaction(criterion: &mut Criterion) {
    let redactor = Redactor::new(&[SECRET]).unwrap();
    let clean = "The reader of kind seven handles the missing cases, and its tests pass.\n".repeat(1000);
    let told = format!("{clean}the value is {SECRET} here\n{clean}");
    // What was not taken out would be measured as if it were.
    assert_eq!(redactor.redact(&clean), clean);
    assert!(redactor.redact(&told).contains(REDACTED));
    assert!(!redactor.redact(&told).contains(SECRET));
    let mut group = criterion.benchmark_group("redact");
    for (name, text) in [("nothing secret", &clean), ("one secret", &told)] {
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
        group.bench_function(name, |bencher| bencher.iter(|| redactor.redact(black_box(text)).len()));
    }
    group.finish();
}

criterion_group!(runner, normalisation, redaction);
criterion_main!(runner);

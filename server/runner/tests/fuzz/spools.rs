//! Spools that were damaged, torn and stirred.

use std::collections::BTreeSet;
use std::path::Path;

use aq_runner::spool::{RawKind, RawLine, Reader, Writer};

use crate::mutate::{mutants, tell};

fn read(folder: &Path) -> Vec<RawLine> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut reader = Reader::open(folder, 0).unwrap();
        let mut all = Vec::new();
        loop {
            let batch = reader.next_batch(64).await.unwrap();
            if batch.is_empty() {
                return all;
            }
            all.extend(batch);
            assert!(all.len() < 10_000, "the reader goes round in circles");
        }
    })
}

/// Spool R1, R7: a damaged spool is read to its end; every line that comes out is one that was written, and nothing is made up.
#[test]
fn spools_of_any_shape_are_read() {
    let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let folder = home.path().join("spool");
    let mut writer = Writer::create(&folder, u64::MAX).unwrap();
    for number in 0..60 {
        let kind = if number % 3 == 0 { RawKind::Stderr } else { RawKind::Stdout };
        writer.line(kind, format!("line {number} {}", "x".repeat(number * 3)).as_bytes(), 0, 5);
    }
    writer.finish(6);
    drop(writer);
    std::fs::write(home.path().join("exit.json"), "{}").unwrap();
    let chunk = folder.join("00000.log");
    let sound = std::fs::read(&chunk).unwrap();
    let written: BTreeSet<Vec<u8>> = read(home.path()).into_iter().map(|line| line.bytes).collect();
    assert_eq!(written.len(), 60);
    for bytes in mutants(&[sound], &["AQS1", "\u{0}\u{0}\u{0}\u{0}", "\u{7f}"], 1_500) {
        std::fs::write(&chunk, bytes).unwrap();
        for line in read(home.path()) {
            assert!(written.contains(&line.bytes) || line.kind == RawKind::Gap, "{line:?}");
        }
    }
    tell("spools of any shape", 1_500);
}

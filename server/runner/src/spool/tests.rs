//! What goes in comes out, whatever the sizes, limits, reading positions and torn ends.
//!
//! Spec: specs/server/runner/spool.md

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use super::{RawKind, RawLine, Reader, Writer};

/// Everything from `offset` on of a spool that is over, read in batches of `max`.
fn read(run_folder: &Path, offset: u64, max: usize) -> Vec<RawLine> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut reader = Reader::open(run_folder, offset).unwrap();
        let mut all = Vec::new();
        loop {
            let batch = reader.next_batch(max).await.unwrap();
            assert!(batch.len() <= max);
            if batch.is_empty() {
                return all;
            }
            all.extend(batch);
        }
    })
}

/// A line made of its number, so that each is told from the others.
fn content(number: usize, size: usize) -> Vec<u8> {
    let mut bytes = format!("{number}:").into_bytes();
    bytes.resize(bytes.len() + size, b'x');
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Spool R1, R2, R6, R7: below the limit every line comes back, from any record on, torn tail or not; beyond it nothing is lost uncounted,
    /// the order stays, and the last line is there.
    #[test]
    fn nothing_is_lost_uncounted(
        sizes in proptest::collection::vec((0_usize..40_000, any::<bool>()), 1..120),
        limit in prop_oneof![Just(u64::MAX), 0_u64..2_000_000],
        torn in proptest::collection::vec(any::<u8>(), 0..100),
        max in 1_usize..50,
        from in any::<prop::sample::Index>(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let spool = home.path().join("spool");
        let mut writer = Writer::create(&spool, limit).unwrap();
        let mut total = 0;
        for (number, (size, flush)) in sizes.iter().enumerate() {
            let line = content(number, *size);
            total += line.len() as u64 + 1;
            writer.line(if *flush { RawKind::Stdout } else { RawKind::Stderr }, &line, 0, 5);
            if *flush {
                writer.flush();
            }
        }
        let dropped = writer.finish(6);
        drop(writer);
        let mut last = fs::read_dir(&spool).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
        last.sort();
        OpenOptions::new().append(true).open(last.last().unwrap()).unwrap().write_all(&torn).unwrap();
        fs::write(home.path().join("exit.json"), "{}").unwrap();

        let all = read(home.path(), 0, max);
        let lines: Vec<&RawLine> = all.iter().filter(|line| line.kind != RawKind::Gap).collect();
        let numbers: Vec<usize> = lines.iter().map(|line| line.text().split(':').next().unwrap().parse().unwrap()).collect();
        prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        for (line, number) in lines.iter().zip(&numbers) {
            prop_assert_eq!(&line.bytes, &content(*number, sizes[*number].0));
        }
        prop_assert_eq!(numbers.last(), Some(&(sizes.len() - 1)));
        let kept: u64 = lines.iter().map(|line| line.bytes.len() as u64 + 1).sum();
        let gaps: u64 = all.iter().map(|line| line.dropped).sum();
        prop_assert_eq!((kept + gaps, gaps), (total, dropped));
        if limit == u64::MAX {
            prop_assert_eq!((dropped, lines.len()), (0, sizes.len()));
        }
        let at = from.index(all.len());
        prop_assert_eq!(read(home.path(), all[at].offset_after, max), all[at + 1..].to_vec());
    }
}

/// Spool R7: damage in the middle of a chunk costs the rest of that chunk only.
#[test]
fn damage_costs_one_chunk() {
    let home = tempfile::tempdir().unwrap();
    let spool = home.path().join("spool");
    let mut writer = Writer::create(&spool, u64::MAX).unwrap();
    for number in 0..400 {
        writer.line(RawKind::Stdout, &content(number, 60_000), 0, 1);
    }
    writer.finish(2);
    fs::write(home.path().join("exit.json"), "{}").unwrap();
    assert_eq!(read(home.path(), 0, 64).len(), 400);
    let second = spool.join("00001.log");
    let mut bytes = fs::read(&second).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&second, bytes).unwrap();
    let left = read(home.path(), 0, 64);
    assert!((300..360).contains(&left.len()), "{}", left.len());
    assert!(left.last().unwrap().text().starts_with("399:"));
}

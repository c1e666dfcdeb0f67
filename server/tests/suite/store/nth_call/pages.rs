//! Damages each page of a database before a start, and holds what the server's store makes of it against what was acknowledged.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};

use super::super::backend::Home;
use super::super::io::{Recorder, amount, ended_well, passing_folder};
use super::outcome::{Matter, Told, hold, says_damaged};
use super::worker::{COMMANDS, DAMAGED, FILE, FIRST, MAY_BE_DAMAGED, WORKER};

/// Bytes of a page.
const PAGE: usize = 4096;

/// What becomes of a page: random bytes or nothing but zeros, all of it or the first sector.
const WAYS: [(&str, usize); 4] = [("rubbish", PAGE), ("zeros", PAGE), ("rubbish", 512), ("zeros", 512)];

/// What came of one damaged page.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Nobody needed it.
    sound: usize,
    /// The look for damage finds it.
    found: usize,
    /// The start was refused.
    refused: usize,
    /// A command or a read was told of it.
    told: usize,
}

/// Runs a worker on a file. Its commands have other numbers than those that are there.
fn work(recorder: &Recorder, file: &Path, first: u64) -> Result<Told, String> {
    let mut child = recorder.child(WORKER, file.parent().unwrap());
    Told::read(ended_well(child.env(FILE, file).env(FIRST, first.to_string()).env(MAY_BE_DAMAGED, "1").env(DAMAGED, "1"))?)
}

/// Damages a page of a copy, starts, works, and looks at what is left.
fn damage(recorder: &Recorder, sound: &[u8], before: &BTreeSet<u64>, page: usize, way: usize, seen: &Mutex<Seen>) -> Result<(), String> {
    let folder = passing_folder();
    let file = folder.path().join("agent-queue.db");
    let (what, length) = WAYS[way];
    let mut bytes = sound.to_vec();
    let place = &mut bytes[page * PAGE..page * PAGE + length];
    place.fill(0);
    if what == "rubbish" {
        StdRng::seed_from_u64((page * WAYS.len() + way) as u64).fill_bytes(place);
    }
    std::fs::write(&file, bytes).unwrap();
    let told = work(recorder, &file, COMMANDS + 1)?;
    let left = hold(&file, &before.union(&told.acknowledged).copied().collect(), 2 * COMMANDS);
    let mut seen = seen.lock().unwrap();
    if let Some((_, error)) = told.text.split_once("\nunopened: ") {
        if !says_damaged(error) {
            return Err(format!("the start is refused in other words: {error}"));
        }
        seen.refused += 1;
    }
    seen.told += usize::from(told.text.contains("\nrefused ") && says_damaged(&told.text));
    match left {
        Ok(()) if told.is_all() => seen.sound += 1,
        Ok(()) => return Err(format!("the file is sound, and commands are refused: {}", told.text)),
        Err(Matter::Damaged(_)) => seen.found += 1,
        Err(Matter::Wrong(text)) => return Err(format!("{text}\n{}", told.text)),
    }
    Ok(())
}

/// Goal G7, store R30: whichever page of the database is damaged when the server starts, nobody panics or hangs, commands and reads are answered as they
/// should be or told of the damage, and what was acknowledged is there whole, or the look for damage finds that it may not be. `AQ_EVERY_CALL=1` damages
/// each page in every way.
#[test]
fn a_damaged_page_is_told_and_hides_no_loss() {
    let home = Home::sqlite();
    drop(home.open());
    let recorder = Recorder::new();
    let before = work(&recorder, &home.file(), 1).unwrap();
    assert!(before.is_all(), "{}", before.text);
    // Folds what was written last into the file: the log has check sums of its own.
    drop(home.open());
    let sound = std::fs::read(home.file()).unwrap();
    let pages = sound.len() / PAGE;
    let every = amount("AQ_EVERY_CALL", 0) == 1;
    let tries: Vec<(usize, usize)> = (0..pages)
        .flat_map(|page| (0..WAYS.len()).map(move |way| (page, way)))
        .filter(|(page, way)| every || page % WAYS.len() == *way)
        .collect();
    let (next, seen) = (AtomicUsize::new(0), Mutex::new(Seen::default()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(&(page, way)) = tries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(wrong) = damage(&recorder, &sound, &before.acknowledged, page, way, &seen) {
                        panic!("page {}, {:?}: {wrong}", page + 1, WAYS[way]);
                    }
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    println!("{} damaged pages of {pages}: {seen:?}", tries.len());
    assert!(seen.found * 2 > tries.len() && seen.told > 0 && seen.refused > 0, "{seen:?}");
}

//! Cuts the power of a disk on paper: a process that writes is recorded, and what a power cut would have left is opened.
//!
//! The recorder and the disk are in `io`, the process that writes in `kill`. What a kill without a power cut leaves is tested there too.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use aq_server::store::{DatabaseUrl, open_migrated};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::io::images::Disk;
use super::io::{Note, Recorder, amount, log_of, notes, passing_folder};
use super::kill::{FILE, FIRST, acknowledged, commands_there};
use super::samples::at;

/// The file of the database in the folder that is watched.
const DATABASE: &str = "db/agent-queue.db";
/// Checkpoints more often than the server's own, so that a short recording holds many of them.
const OFTEN: &str = "PRAGMA wal_autocheckpoint = 30";
/// Commands that are recorded.
const COMMANDS: u64 = 600;

/// Records a process that makes a database and writes to it until it is killed.
fn record(home: &Path, first: &str) -> Vec<u8> {
    let watched = home.join("disk");
    std::fs::create_dir_all(watched.join("db")).unwrap();
    let recorder = Recorder::new();
    let mut child = recorder
        .child("store::kill::writes_until_it_is_killed", &watched)
        .env(FILE, watched.join(DATABASE))
        .env(FIRST, first)
        .env("AQ_IO_LOG", log_of(home))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let enough = lines.by_ref().map_while(Result::ok).any(|line| acknowledged(&line).is_some_and(|seq| seq >= COMMANDS));
    child.kill().unwrap();
    child.wait().unwrap();
    if !enough {
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        panic!("the process that writes ended by itself: {errors}");
    }
    std::fs::read(log_of(home)).unwrap()
}

/// What was seen in the images of a recording.
#[derive(Debug, Default)]
struct Seen {
    /// Images in which an acknowledged command is missing.
    lost: Vec<String>,
    /// Images that do not open, or hold half of something.
    broken: Vec<String>,
    /// Images of an instant at which a checkpoint had written to the database and not synchronised it.
    in_checkpoint: u64,
    /// Images of an instant at which something was acknowledged.
    behind_acknowledged: u64,
}

/// Opens what a power cut left, and compares it with what was acknowledged.
fn look(folder: &Path, told: u64) -> Result<u64, String> {
    let url = DatabaseUrl::sqlite(&folder.join(DATABASE));
    let (mut db, _) = open_migrated(&url, &folder.join("backups"), at(2)).map_err(|error| format!("does not open: {error}"))?;
    let damage = db.quick_check().map_err(|error| format!("cannot be checked: {error}"))?;
    if !damage.is_empty() {
        return Err(format!("is damaged: {damage:?}"));
    }
    let there = commands_there(&mut db)?;
    Ok(told.saturating_sub(there))
}

/// Cuts the power at `images` random instants of a recording.
fn cut(home: &Path, log: &[u8], images: u64, seed: u64) -> Seen {
    let (notes, watched) = (notes(log), home.join("disk"));
    let image = |number: u64| StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let mut instants: Vec<(usize, u64)> = (0..images).map(|number| (image(number).random_range(0..=notes.len()), number)).collect();
    // One walk through the recording serves all of them.
    instants.sort_unstable();
    let (mut disk, mut seen, mut told, mut done) = (Disk::default(), Seen::default(), 0, 0);
    for (instant, number) in instants {
        for note in &notes[done..instant] {
            disk.follow(note);
            if let Note::Told(text) = note {
                told = text.lines().filter_map(acknowledged).fold(told, u64::max);
            }
        }
        done = instant;
        seen.behind_acknowledged += u64::from(told > 0);
        seen.in_checkpoint += u64::from(told > 0 && disk.is_unsafe(&watched.join(DATABASE)));
        let folder = passing_folder();
        disk.cut_power(&mut image(number), &watched, folder.path());
        let what = format!("image {number} of seed {seed}, power cut behind note {instant} of {}, {told} acknowledged", notes.len());
        match look(folder.path(), told) {
            Ok(0) => {}
            Ok(missing) => seen.lost.push(format!("{what}: the last {missing} are missing")),
            Err(wrong) => seen.broken.push(format!("{what}: {wrong}")),
        }
    }
    seen
}

/// Goal G4, store R3, R27: whatever a power cut leaves of what was written opens, is sound, and holds every acknowledged command whole and without a gap
/// before it; cuts within checkpoints, too. `AQ_IMAGES` sets how many, `AQ_SEED` which.
#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let (images, seed) = (amount("AQ_IMAGES", 300), amount("AQ_SEED", 20_261_129));
    println!("power cuts: {images} images, seed {seed}");
    let home = passing_folder();
    let log = record(home.path(), OFTEN);
    let seen = cut(home.path(), &log, images, seed);
    if !seen.lost.is_empty() || !seen.broken.is_empty() {
        // The recording is kept: threads do not write in the same order twice.
        panic!("{seen:#?}\nThe recording is {}", log_of(&home.keep()).display());
    }
    assert!(seen.in_checkpoint * 50 >= images, "too few of the power cuts fell into a checkpoint: {seen:?}");
    assert!(seen.behind_acknowledged * 2 >= images, "{seen:?}");
    println!(
        "score: power cuts: 0 acknowledged results lost, 0 files that do not open; {images} images, {} of them within a checkpoint, seed {seed}",
        seen.in_checkpoint
    );
}

/// The test above can fail: commits that are not synchronised one by one are lost to the same power cuts, and only they are.
#[test]
fn without_full_synchronisation_acknowledged_commands_are_lost() {
    let home = passing_folder();
    let log = record(home.path(), &format!("{OFTEN}; PRAGMA synchronous = NORMAL"));
    let seen = cut(home.path(), &log, 40, 1);
    assert!(seen.lost.len() > 10, "the images hold everything although nothing had it synchronised: {seen:?}");
    assert_eq!(seen.broken, Vec::<String>::new(), "SQLite promises a sound file at this setting, too");
}

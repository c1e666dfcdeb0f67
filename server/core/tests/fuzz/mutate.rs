//! Inputs that nobody would send, made from ones that somebody would: cut, doubled, flipped, moved, spliced and spiced. The same number gives the same input.
//!
//! What is done with them lives beside. `AQ_FUZZ=100` makes a hundred times as many.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Longest input, in bytes.
const LONGEST: usize = 64 * 1024;

/// How many times more inputs were asked for.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment how long it may take")]
fn times() -> u64 {
    std::env::var("AQ_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Says that every one of them was read or refused as it should be: `count` for each of the usual number.
pub(crate) fn tell(claim: &str, count: u64) {
    println!("score: {claim}: 0 failures; {} inputs", count * times());
}

/// What a fuzzer found that is worth keeping, by the name of its target: each once took a way of its own through the reader, or broke it.
pub(crate) fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("server/fuzz/corpus").join(target));
    let folder = folder.into_iter().find(|folder| folder.is_dir()).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// `count` inputs from these seeds; the spices are what the format finds special.
pub(crate) fn mutants<'a>(seeds: &'a [Vec<u8>], spices: &'a [&'a str], count: u64) -> impl Iterator<Item = Vec<u8>> + 'a {
    (0..count * times()).map(move |number| mutant(seeds, spices, number))
}

fn mutant(seeds: &[Vec<u8>], spices: &[&str], number: u64) -> Vec<u8> {
    let mut chance = StdRng::seed_from_u64(number);
    let mut made = seeds[chance.random_range(0..seeds.len())].clone();
    for _ in 0..chance.random_range(1..12) {
        change(&mut made, seeds, spices, &mut chance);
    }
    made.truncate(LONGEST);
    made
}

fn change(made: &mut Vec<u8>, seeds: &[Vec<u8>], spices: &[&str], chance: &mut StdRng) {
    let at = chance.random_range(0..=made.len());
    let span = chance.random_range(1..200);
    let to = chance.random_range(at..=made.len().min(at + span));
    match chance.random_range(0..8) {
        0 => {
            made.drain(at..to);
        }
        1 => {
            let part = made[at..to].to_vec();
            let again = chance.random_range(1..40);
            made.splice(at..at, part.repeat(again));
        }
        2 => {
            if let Some(byte) = made.get_mut(at) {
                *byte ^= 1 << chance.random_range(0..8);
            }
        }
        3 => {
            let part: Vec<u8> = made.drain(at..to).collect();
            let place = chance.random_range(0..=made.len());
            made.splice(place..place, part);
        }
        4 => {
            let other = &seeds[chance.random_range(0..seeds.len())];
            let from = chance.random_range(0..=other.len());
            made.truncate(at);
            made.extend_from_slice(&other[from..]);
        }
        5 => made.truncate(at),
        6 => {
            let wild: Vec<u8> = (0..chance.random_range(1..9)).map(|_| chance.random()).collect();
            made.splice(at..at, wild);
        }
        _ => {
            let spice = spices[chance.random_range(0..spices.len())].as_bytes().repeat(chance.random_range(1..4));
            made.splice(at..at, spice);
        }
    }
}

//! The work of the week: how big each task is, what it waits for, how it fails and what it asks. Drawn once from a seed.
//!
//! Who does it lives in `play` and `original`.

use aq_core::output::FailureClass;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::provider::HOUR;

/// Projects.
pub(super) const PROJECTS: usize = 5;
/// Tasks in all.
pub(super) const TASKS: usize = 200;
/// Mean size of a task, in tokens.
const MEAN: f64 = 370_000.0;
/// Spread of the sizes: the standard deviation of their logarithms.
const SPREAD: f64 = 0.8;

/// A question in the middle of the work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asks {
    /// After so many tokens.
    pub(super) at: u64,
    /// The person answers so much later, in milliseconds; `None`: only when the week is over.
    pub(super) answered_after: Option<i64>,
}

/// One task.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// The number of its project.
    pub(super) project: usize,
    /// The tasks it waits for; all come before it.
    pub(super) after: Vec<usize>,
    /// Tokens from its beginning to its end.
    pub(super) tokens: u64,
    /// How its first tries fail: after so many tokens, and as what.
    pub(super) fails: Vec<(u64, FailureClass)>,
    /// What it asks.
    pub(super) asks: Option<Asks>,
}

/// The week's work.
pub(super) fn trace(seed: u64) -> Vec<Work> {
    let mut chance = StdRng::seed_from_u64(seed);
    let work = |number: usize| {
        let project = number % PROJECTS;
        let place = number / PROJECTS;
        let mut after = Vec::new();
        // The first tasks of each project are free; two of three later ones wait for one or two before them.
        if place >= 12 && chance.random_bool(0.66) {
            for _ in 0..chance.random_range(1..3) {
                let other = chance.random_range(0..place) * PROJECTS + project;
                if !after.contains(&other) {
                    after.push(other);
                }
            }
        }
        let (radius, angle) = ((-2.0 * (1.0 - chance.random::<f64>()).ln()).sqrt(), std::f64::consts::TAU * chance.random::<f64>());
        let size = (MEAN.ln() - SPREAD * SPREAD / 2.0 + SPREAD * radius * angle.cos()).exp();
        let tokens = size.clamp(5_000.0, 6_000_000.0) as u64;
        let early = tokens / 50;
        let fails = match number {
            30 | 97 => vec![(early, FailureClass::Agent); 9],
            64 => vec![(early, FailureClass::InvalidRequest)],
            _ if number % 13 == 5 => vec![(early, FailureClass::Agent)],
            _ if number % 29 == 3 => vec![(early, FailureClass::Lost)],
            _ => Vec::new(),
        };
        let answered_after = match number {
            22 | 133 => None,
            _ if number.is_multiple_of(3) => Some(chance.random_range(HOUR..50 * HOUR)),
            _ => Some(chance.random_range(HOUR / 60..HOUR)),
        };
        let asks = number.is_multiple_of(11).then_some(Asks { at: tokens / 3, answered_after });
        Work { project, after, tokens, fails, asks }
    };
    (0..TASKS).map(work).collect()
}

//! Task ids: adjective-noun, with a number once the plain ones are taken.

use super::NamesExhausted;
use super::words::{ADJECTIVES, NOUNS, pick, suffixes};
use crate::ids::{TaskId, WorkspaceId};

/// Tries without a number.
const PLAIN_TRIES: u32 = 10;

/// A task id that is not taken (names R1, F-013). `below(n)` draws a number from 0 to n − 1; `taken` knows live and archived ids
/// (D-28). The number of tries is bounded: with a million ids taken about 25 suffice.
///
/// # Errors
/// [`NamesExhausted`] when `taken` says yes to everything.
pub fn generate_task_id(mut below: impl FnMut(u64) -> u64, mut taken: impl FnMut(&str) -> bool) -> Result<TaskId, NamesExhausted> {
    let plain = |below: &mut dyn FnMut(u64) -> u64| {
        let mut below = |n| below(n);
        format!("{}-{}", pick(&ADJECTIVES, &mut below), pick(&NOUNS, &mut below))
    };
    for _ in 0..PLAIN_TRIES {
        let name = plain(&mut below);
        if !taken(&name) {
            return Ok(TaskId::from_trusted(&name));
        }
    }
    let mut found = None;
    suffixes(&mut below, |number, below| {
        let name = format!("{}-{number}", plain(below));
        let free = !taken(&name);
        if free {
            found = Some(TaskId::from_trusted(&name));
        }
        free
    });
    found.ok_or(NamesExhausted("task"))
}

/// A workspace id from 32 random bits: `ws-` and eight hexadecimal digits.
#[must_use]
pub fn workspace_id(random: u32) -> WorkspaceId {
    WorkspaceId::from_trusted(&format!("ws-{random:08x}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        move |n| rng.random_range(0..n)
    }

    /// F-013: plain names first, ten tries, then a number from 10 to 99.
    #[test]
    fn a_number_comes_after_ten_collisions() {
        let id = generate_task_id(dice(1), |_| false).unwrap();
        assert!(ADJECTIVES.iter().any(|a| NOUNS.iter().any(|n| format!("{a}-{n}") == id.as_str())));
        let mut asked = 0;
        let id = generate_task_id(dice(1), |_| {
            asked += 1;
            asked <= 10
        })
        .unwrap();
        let number: u64 = id.as_str().rsplit('-').next().unwrap().parse().unwrap();
        assert!((10..=99).contains(&number), "{id}");
        assert_eq!(TaskId::parse(id.as_str()), Ok(id));
    }

    /// names R1: the number of tries does not grow with the number of taken ids.
    #[test]
    fn tries_stay_few_however_many_ids_are_taken() {
        let mut dice = dice(7);
        let mut used: HashSet<String> = HashSet::new();
        let mut worst = 0;
        for _ in 0..200_000 {
            let mut tries = 0;
            let id = generate_task_id(&mut dice, |name| {
                tries += 1;
                used.contains(name)
            })
            .unwrap();
            assert!(used.insert(id.as_str().to_owned()));
            worst = worst.max(tries);
        }
        assert!(worst <= 40, "{worst}");
        assert_eq!(generate_task_id(&mut dice, |_| true), Err(NamesExhausted("task")));
    }

    /// names R4.
    #[test]
    fn workspace_ids_have_eight_digits() {
        assert_eq!(workspace_id(0xbeef).as_str(), "ws-0000beef");
    }
}

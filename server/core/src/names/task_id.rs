//! Task ids: adjective-noun, with a number once the plain ones are taken.

use fixedbitset::FixedBitSet;

use super::NamesExhausted;
use super::words::{ADJECTIVES, NOUNS, suffixes};
use crate::ids::{TaskId, WorkspaceId};

/// Tries without a number.
const PLAIN_TRIES: u32 = 10;

/// How many numbers hang on each pair of words, where seen ids are kept: none, 10 to 99, 100 to 999. Longer ones are rarely taken.
const NUMBERS: [u64; 3] = [1, 90, 900];

/// Ids that were seen to be taken; at most 111 kB. No id is ever given back (D-28), so that one that was taken once need not be looked up again: with
/// thousands of tasks, nearly every plain id is taken, and a new task would look for ten of them in vain.
#[derive(Debug, Default)]
pub struct SeenIds([FixedBitSet; NUMBERS.len()]);

impl SeenIds {
    /// Draws a pair of words for a number, and gives the id unless it is taken.
    fn free(&mut self, number: Option<u64>, mut below: impl FnMut(u64) -> u64, taken: &mut impl FnMut(&str) -> bool) -> Option<TaskId> {
        let (adjectives, nouns) = (ADJECTIVES.len() as u64, NOUNS.len() as u64);
        let (adjective, noun) = (below(adjectives) % adjectives, below(nouns) % nouns);
        let (level, first) = number.map_or((0, 0), |number| {
            let digits = number.checked_ilog10().unwrap_or(0);
            (digits as usize, 10_u64.pow(digits))
        });
        let bit = NUMBERS.get(level).map(|count| ((adjective * nouns + noun) * count + number.unwrap_or(0) - first) as usize);
        let mut seen = self.0.get_mut(level).zip(bit);
        if seen.as_ref().is_some_and(|(seen, bit)| seen.contains(*bit)) {
            return None;
        }
        let words = [ADJECTIVES.get(adjective as usize), NOUNS.get(noun as usize)].map(|word| word.copied().unwrap_or_default());
        let plain = words.join("-");
        let name = number.map_or_else(|| plain.clone(), |number| format!("{plain}-{number}"));
        if !taken(&name) {
            return Some(TaskId::from_trusted(&name));
        }
        if let Some((seen, bit)) = &mut seen {
            seen.grow_and_insert(*bit);
        }
        None
    }
}

/// A task id that is not taken (names R1, F-013). `below(n)` draws a number from 0 to n − 1; `taken` knows live and archived ids
/// (D-28) and is not asked about those in `seen`. The number of tries is bounded: with a million ids taken about 25 suffice.
///
/// # Errors
/// [`NamesExhausted`] when `taken` says yes to everything.
pub fn generate_task_id(
    seen: &mut SeenIds,
    mut below: impl FnMut(u64) -> u64,
    mut taken: impl FnMut(&str) -> bool,
) -> Result<TaskId, NamesExhausted> {
    for _ in 0..PLAIN_TRIES {
        if let Some(id) = seen.free(None, &mut below, &mut taken) {
            return Ok(id);
        }
    }
    let mut found = None;
    suffixes(&mut below, |number, below| {
        found = seen.free(Some(number), below, &mut taken);
        found.is_some()
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
        let id = generate_task_id(&mut SeenIds::default(), dice(1), |_| false).unwrap();
        assert!(ADJECTIVES.iter().any(|a| NOUNS.iter().any(|n| format!("{a}-{n}") == id.as_str())));
        let mut asked = 0;
        let id = generate_task_id(&mut SeenIds::default(), dice(1), |_| {
            asked += 1;
            asked <= 10
        })
        .unwrap();
        let number: u64 = id.as_str().rsplit('-').next().unwrap().parse().unwrap();
        assert!((10..=99).contains(&number), "{id}");
        assert_eq!(TaskId::parse(id.as_str()), Ok(id));
    }

    /// names R1: numbers have two digits, then one digit more every few tries, up to the largest of so many digits.
    #[test]
    fn numbers_grow_digit_by_digit() {
        let mut asked = Vec::new();
        let most = generate_task_id(
            &mut SeenIds::default(),
            |n| n - 1,
            |name| {
                asked.push(name.to_owned());
                asked.len() <= 3
            },
        );
        let plain = format!("{}-{}", ADJECTIVES[ADJECTIVES.len() - 1], NOUNS[NOUNS.len() - 1]);
        assert_eq!(asked, ["", "-99", "-999", "-9999"].map(|number| format!("{plain}{number}")));
        assert_eq!(most.unwrap().as_str(), asked[3]);
    }

    /// names R1: the number of tries does not grow with the number of taken ids.
    #[test]
    fn tries_stay_few_however_many_ids_are_taken() {
        let mut dice = dice(7);
        let mut used: HashSet<String> = HashSet::new();
        let mut worst = 0;
        for _ in 0..200_000 {
            let mut tries = 0;
            let id = generate_task_id(&mut SeenIds::default(), &mut dice, |name| {
                tries += 1;
                used.contains(name)
            })
            .unwrap();
            assert!(used.insert(id.as_str().to_owned()));
            worst = worst.max(tries);
        }
        assert!(worst <= 40, "{worst}");
        assert_eq!(generate_task_id(&mut SeenIds::default(), &mut dice, |_| true), Err(NamesExhausted("task")));
    }

    /// names R1: an id that was seen to be taken is not looked up again, and whether ids are seen changes none of those that come out.
    #[test]
    fn taken_ids_are_looked_up_once() {
        let (mut dice, mut same_dice) = (dice(7), dice(7));
        let (mut seen, mut used, mut asked, mut lookups) = (SeenIds::default(), HashSet::new(), HashSet::new(), 0);
        for number in 0..120_000 {
            let expected = generate_task_id(&mut SeenIds::default(), &mut same_dice, |name| used.contains(name)).unwrap();
            let id = generate_task_id(&mut seen, &mut dice, |name| {
                let taken = used.contains(name);
                assert!(!taken || asked.insert(name.to_owned()), "{name} was known to be taken");
                lookups += u32::from(number >= 110_000);
                taken
            });
            assert_eq!(id.as_ref(), Ok(&expected));
            used.insert(expected.as_str().to_owned());
        }
        assert!(lookups < 2 * 10_000, "{lookups}");
        let held: usize = seen.0.iter().map(|seen| seen.len() / 8).sum();
        assert!(held < 120_000, "{held} bytes");
    }

    /// names R4.
    #[test]
    fn workspace_ids_have_eight_digits() {
        assert_eq!(workspace_id(0xbeef).as_str(), "ws-0000beef");
    }
}

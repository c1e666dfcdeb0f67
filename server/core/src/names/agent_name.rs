//! Names for agents that were created without one: five pools with weights.

use super::NamesExhausted;
use super::slug::id_slug;
use super::words::{ASTRONOMICAL, CODENAMES, ELEMENT, LEGENDARY, NATURE, TITLES, pick, suffixes};
use crate::ids::AgentId;

/// Tries without a number.
const PLAIN_TRIES: u32 = 20;

/// A generated name and the id that follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentName {
    /// The name shown to people, for example `Sentinel Frost`.
    pub name: String,
    /// The id: lower case with hyphens.
    pub id: AgentId,
}

/// One name: legendary and astronomical weigh 3, element and nature 2, compound 5.
fn draw(below: &mut impl FnMut(u64) -> u64) -> String {
    match below(15) {
        0..=2 => pick(&LEGENDARY, below).to_owned(),
        3..=5 => pick(&ASTRONOMICAL, below).to_owned(),
        6..=7 => pick(&ELEMENT, below).to_owned(),
        8..=9 => pick(&NATURE, below).to_owned(),
        _ => format!("{} {}", pick(&TITLES, below), pick(&CODENAMES, below)),
    }
}

fn named(name: String) -> Option<AgentName> {
    let id = AgentId::from_trusted(&id_slug(&name)?);
    Some(AgentName { name, id })
}

/// An agent name whose id is not taken (names R2, F-014). `below(n)` draws a number from 0 to n − 1; `taken` knows agent ids.
///
/// # Errors
/// [`NamesExhausted`] when `taken` says yes to everything.
pub fn generate_agent_name(
    mut below: impl FnMut(u64) -> u64,
    mut taken: impl FnMut(&AgentId) -> bool,
) -> Result<AgentName, NamesExhausted> {
    for _ in 0..PLAIN_TRIES {
        if let Some(name) = named(draw(&mut below)).filter(|name| !taken(&name.id)) {
            return Ok(name);
        }
    }
    let mut found = None;
    suffixes(&mut below, |number, below| {
        let mut below = |n| below(n);
        found = named(format!("{} {number}", draw(&mut below))).filter(|name| !taken(&name.id));
        found.is_some()
    });
    found.ok_or(NamesExhausted("agent"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        move |n| rng.random_range(0..n)
    }

    /// F-014: the id is the name in lower case with hyphens, and the pools keep their weights.
    #[test]
    fn pools_keep_their_weights() {
        let mut dice = dice(3);
        let mut compound = 0;
        let mut seen = BTreeMap::new();
        for _ in 0..15_000 {
            let made = generate_agent_name(&mut dice, |_| false).unwrap();
            assert_eq!(made.id.as_str(), made.name.to_lowercase().replace(' ', "-"));
            compound += u32::from(made.name.contains(' '));
            *seen.entry(made.name).or_insert(0) += 1;
        }
        assert!((4_700..5_300).contains(&compound), "{compound}");
        assert!(seen.contains_key("Atlas") && seen.contains_key("Nova") && seen.contains_key("Carbon") && seen.contains_key("Cypress"));
    }

    /// F-014: twenty tries, then a number.
    #[test]
    fn a_number_comes_after_twenty_collisions() {
        let mut asked = 0;
        let made = generate_agent_name(dice(5), |_| {
            asked += 1;
            asked <= 20
        })
        .unwrap();
        let number: u64 = made.name.rsplit(' ').next().unwrap().parse().unwrap();
        assert!((10..=99).contains(&number), "{}", made.name);
        assert_eq!(AgentId::parse(made.id.as_str()), Ok(made.id));
        assert_eq!(generate_agent_name(dice(5), |_| true), Err(NamesExhausted("agent")));
    }
}

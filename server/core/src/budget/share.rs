//! How shares stand, for people: the scheduler has its own ranks.

use std::collections::BTreeMap;

/// What a project is due among those that share, and what it had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Its part of the sum of weights, 0.0 to 1.0 (F-056).
    pub due: f64,
    /// Its part of what all of them used, 0.0 to 1.0; 0.0 while nobody used anything.
    pub used: f64,
}

impl Share {
    /// What it is due minus what it had; positive: it is behind (F-056).
    #[must_use]
    pub const fn deficit(self) -> f64 {
        self.due - self.used
    }
}

/// The shares of projects with these weights that used so many tokens; empty when none of them has a weight. Only those that are named count.
#[must_use]
pub fn shares<K: Ord>(projects: impl IntoIterator<Item = (K, f64, u64)>) -> BTreeMap<K, Share> {
    let sane = |weight: f64| if weight.is_finite() { weight.max(0.0) } else { 0.0 };
    let projects: Vec<_> = projects.into_iter().map(|(key, weight, used)| (key, sane(weight), used as f64)).collect();
    let (weights, all) = projects.iter().fold((0.0, 0.0), |(weights, all), (_, weight, used)| (weights + weight, all + used));
    if weights <= 0.0 {
        return BTreeMap::new();
    }
    let part = |used: f64| if all > 0.0 { used / all } else { 0.0 };
    projects.into_iter().map(|(key, weight, used)| (key, Share { due: weight / weights, used: part(used) })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: &BTreeMap<&str, Share>, expected: &[(&str, f64, f64)]) {
        assert_eq!(got.len(), expected.len());
        for (id, due, deficit) in expected {
            let share = got[id];
            assert!((share.due - due).abs() < 1e-12 && (share.deficit() - deficit).abs() < 1e-12, "{id}: {share:?}");
        }
    }

    /// F-056, budget R6: the original's numbers.
    #[test]
    fn shares_match_the_listed_numbers() {
        close(&shares([("p1", 3.0, 60_000), ("p2", 1.0, 40_000)]), &[("p1", 0.75, 0.15), ("p2", 0.25, -0.15)]);
        close(&shares([("p1", 1.0, 0), ("p2", 1.0, 0)]), &[("p1", 0.5, 0.5), ("p2", 0.5, 0.5)]);
        assert!(shares([("p1", 0.0, 5)]).is_empty());
        close(&shares([("p1", f64::NAN, 0), ("p2", -2.0, 10), ("p3", 2.0, 0)]), &[("p1", 0.0, 0.0), ("p2", 0.0, -1.0), ("p3", 1.0, 1.0)]);
    }
}

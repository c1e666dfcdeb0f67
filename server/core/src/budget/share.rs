//! How shares stand, for people: the scheduler has its own ranks.

use std::collections::BTreeMap;

use crate::ids::ProjectId;

/// Each project's part of the sum of weights, 0.0 to 1.0; empty when no project has a weight (F-056).
#[must_use]
pub fn targets(weights: &BTreeMap<ProjectId, f64>) -> BTreeMap<ProjectId, f64> {
    let sane = |weight: f64| if weight.is_finite() { weight.max(0.0) } else { 0.0 };
    let total: f64 = weights.values().map(|weight| sane(*weight)).sum();
    if total <= 0.0 {
        return BTreeMap::new();
    }
    weights.iter().map(|(project, weight)| (project.clone(), sane(*weight) / total)).collect()
}

/// Each project's target minus its part of the usage; positive: it is behind. Only usage of the named projects counts; while there is
/// none the deficit is the target (F-056).
#[must_use]
pub fn deficits(weights: &BTreeMap<ProjectId, f64>, usage: &BTreeMap<ProjectId, u64>) -> BTreeMap<ProjectId, f64> {
    let used = |project: &ProjectId| usage.get(project).copied().unwrap_or(0) as f64;
    let total: f64 = weights.keys().map(used).sum();
    targets(weights)
        .into_iter()
        .map(|(project, target)| {
            let actual = if total > 0.0 { used(&project) / total } else { 0.0 };
            (project, target - actual)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<T: Copy>(entries: &[(&str, T)]) -> BTreeMap<ProjectId, T> {
        entries.iter().map(|(id, value)| (ProjectId::from_trusted(id), *value)).collect()
    }

    fn close(got: &BTreeMap<ProjectId, f64>, expected: &[(&str, f64)]) {
        assert_eq!(got.len(), expected.len());
        for (id, value) in expected {
            assert!((got[&ProjectId::from_trusted(id)] - value).abs() < 1e-12, "{id}: {got:?}");
        }
    }

    /// F-056: the original's numbers.
    #[test]
    fn targets_and_deficits_match_the_listed_numbers() {
        let weights = map(&[("p1", 3.0), ("p2", 1.0)]);
        close(&targets(&weights), &[("p1", 0.75), ("p2", 0.25)]);
        close(&deficits(&weights, &map(&[("p1", 60_000), ("p2", 40_000), ("idle", 9_000_000)])), &[("p1", 0.15), ("p2", -0.15)]);
        let equal = map(&[("p1", 1.0), ("p2", 1.0)]);
        close(&deficits(&equal, &BTreeMap::new()), &[("p1", 0.5), ("p2", 0.5)]);
        assert!(targets(&map(&[("p1", 0.0)])).is_empty());
    }
}

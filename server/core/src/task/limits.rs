//! The limits of one run: the task's own, else the project's, else the configured ones. They are always finite (F-076).

use crate::runner_link::RunLimits;

/// Shortest limit that may be set, in milliseconds.
pub const SHORTEST_MS: u64 = 1_000;
/// Longest limit that may be set, in milliseconds: a week.
pub const LONGEST_MS: u64 = 7 * 24 * 3_600_000;

/// Limits that a task or a project sets for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// Longest run in all, in milliseconds of wall-clock time; `None`: what stands above says so.
    pub time_ms: Option<u64>,
    /// Longest silence, in milliseconds; `None`: what stands above says so.
    pub silence_ms: Option<u64>,
}

impl OwnLimits {
    /// The names of the limits that are out of bounds.
    #[must_use]
    pub fn out_of_bounds(self) -> Vec<&'static str> {
        let wrong = |limit: Option<u64>| limit.is_some_and(|limit| !(SHORTEST_MS..=LONGEST_MS).contains(&limit));
        let named = [("time_limit", self.time_ms), ("silence_limit", self.silence_ms)];
        named.into_iter().filter(|(_, limit)| wrong(*limit)).map(|(name, _)| name).collect()
    }
}

/// The limits of a run. Time in all and silence are chosen each for itself; everything else is the configured.
#[must_use]
pub fn run_limits(configured: RunLimits, project: OwnLimits, task: OwnLimits) -> RunLimits {
    RunLimits {
        wall_ms: task.time_ms.or(project.time_ms).unwrap_or(configured.wall_ms),
        silence_ms: task.silence_ms.or(project.silence_ms).unwrap_or(configured.silence_ms),
        ..configured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURED: RunLimits = RunLimits { wall_ms: 100, silence_ms: 50, output_bytes: 1, processes: 2, grace_ms: 3 };

    /// F-076, D-08: the nearest limit counts, each of the two for itself, and nothing can make a run endless.
    #[test]
    fn the_nearest_limit_counts() {
        let own = |time_ms, silence_ms| OwnLimits { time_ms, silence_ms };
        let of = |project, task| {
            let limits = run_limits(CONFIGURED, project, task);
            assert_eq!((limits.output_bytes, limits.processes, limits.grace_ms), (1, 2, 3));
            (limits.wall_ms, limits.silence_ms)
        };
        let none = OwnLimits::default();
        assert_eq!(of(none, none), (100, 50));
        assert_eq!(of(own(Some(7), None), none), (7, 50));
        assert_eq!(of(own(Some(7), Some(8)), own(None, Some(9))), (7, 9));
        assert_eq!(of(own(Some(7), Some(8)), own(Some(1), Some(2))), (1, 2));
        assert_eq!(own(Some(0), Some(LONGEST_MS + 1)).out_of_bounds(), ["time_limit", "silence_limit"]);
        assert_eq!(own(Some(SHORTEST_MS), Some(LONGEST_MS)).out_of_bounds(), [""; 0]);
    }
}

//! What is old enough to go: output of runs, work directories, copies of the database. Pure: the server lists what there is, this says what of it
//! goes, and nothing here removes anything.
//!
//! Spec: specs/server/core/retention.md

use crate::ids::RunRef;
use crate::task::TaskStatus;
use crate::time::Timestamp;

/// A day in milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// The instant `days` before `now`.
#[must_use]
pub fn days_before(now: Timestamp, days: u64) -> Timestamp {
    now.plus_millis(-i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_MS))
}

/// The stored output of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOutput {
    /// The run.
    pub run: RunRef,
    /// Bytes it takes.
    pub bytes: u64,
    /// When the run ended; `None` while it is open, and then its output stays.
    pub ended_at: Option<Timestamp>,
}

/// The output that goes: that of runs that ended before `before`, and then the oldest of the rest until all together take at most `quota` bytes.
/// Output of open runs counts towards the quota and never goes (retention R1).
#[must_use]
pub fn output_to_remove(stored: &[StoredOutput], before: Timestamp, quota: u64) -> Vec<RunRef> {
    let mut taken = stored.iter().fold(0_u64, |sum, output| sum.saturating_add(output.bytes));
    let mut ended: Vec<_> = stored.iter().filter_map(|output| Some((output.ended_at?, output))).collect();
    ended.sort_by(|(a, one), (b, two)| (a, &one.run).cmp(&(b, &two.run)));
    let mut gone = Vec::new();
    for (at, output) in ended {
        if at >= before && taken <= quota {
            break;
        }
        taken = taken.saturating_sub(output.bytes);
        gone.push(output.run.clone());
    }
    gone
}

/// A task that has a work directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seated {
    /// Its status.
    pub status: TaskStatus,
    /// True when it was deleted.
    pub deleted: bool,
    /// True while a run of it is open.
    pub open_run: bool,
    /// When the task last changed.
    pub updated_at: Timestamp,
}

/// True when the task's work directory may go: at once when the task is over for good, and when it failed or was blocked before `before`. A
/// task that may go on by itself keeps its directory however old it is (retention R2).
#[must_use]
pub fn directory_goes(task: Seated, before: Timestamp) -> bool {
    if task.open_run {
        return false;
    }
    task.deleted
        || match task.status {
            TaskStatus::Completed => true,
            TaskStatus::Failed | TaskStatus::Blocked => task.updated_at < before,
            _ => false,
        }
}

/// How many of `copies` (oldest first) go so that the newest `keep` stay.
#[must_use]
pub const fn copies_to_remove(copies: usize, keep: u64) -> usize {
    let keep = if keep > usize::MAX as u64 { usize::MAX } else { keep as usize };
    copies.saturating_sub(keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn output(task: &str, bytes: u64, ended_at: Option<i64>) -> StoredOutput {
        StoredOutput { run: RunRef { task: TaskId::parse(task).unwrap(), number: 1 }, bytes, ended_at: ended_at.map(at) }
    }

    /// Retention R1: age first, then the oldest until the quota holds; open runs stay whatever they take.
    #[test]
    fn old_output_goes_first_and_open_runs_never() {
        let stored = [
            output("new-one", 10, Some(900)),
            output("old-one", 10, Some(100)),
            output("open-one", 50, None),
            output("mid-one", 10, Some(500)),
        ];
        let gone = |before, quota| output_to_remove(&stored, at(before), quota).iter().map(|run| run.task.to_string()).collect::<Vec<_>>();
        assert_eq!(gone(0, 80), Vec::<String>::new());
        assert_eq!(gone(101, 80), ["old-one"]);
        assert_eq!(gone(100, 80), Vec::<String>::new(), "kept to the last instant");
        assert_eq!(gone(0, 79), ["old-one"]);
        assert_eq!(gone(0, 60), ["old-one", "mid-one"]);
        assert_eq!(gone(0, 0), ["old-one", "mid-one", "new-one"], "the open run stays");
    }

    /// Retention R2: over for good: at once; failed or blocked: after the days; anything that may go on: never.
    #[test]
    fn directories_of_tasks_that_may_go_on_stay() {
        let task = |status| Seated { status, deleted: false, open_run: false, updated_at: at(100) };
        for status in TaskStatus::ALL.iter().copied() {
            let (now, later) = (directory_goes(task(status), at(100)), directory_goes(task(status), at(101)));
            match status {
                TaskStatus::Completed => assert!(now && later),
                TaskStatus::Failed | TaskStatus::Blocked => assert!(!now && later),
                _ => assert!(!now && !later, "{status}"),
            }
            assert!(directory_goes(Seated { deleted: true, ..task(status) }, at(0)));
            assert!(!directory_goes(Seated { deleted: true, open_run: true, ..task(status) }, at(1000)));
        }
    }

    /// Retention R1, R2: the instant that decides lies whole days back; more days than there ever were reach to the beginning of time.
    #[test]
    fn days_count_back_from_now() {
        let now = at(3 * DAY_MS + 5);
        assert_eq!((days_before(now, 0), days_before(now, 2)), (now, at(DAY_MS + 5)));
        assert!(days_before(now, u64::MAX) < at(-1_000_000 * DAY_MS));
    }

    /// Retention R5: the newest stay.
    #[test]
    fn the_newest_copies_stay() {
        assert_eq!((copies_to_remove(3, 7), copies_to_remove(9, 7), copies_to_remove(9, u64::MAX)), (0, 2, 0));
    }
}

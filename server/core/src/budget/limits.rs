//! The four budgets, their defaults, and the check before a start and while a run goes on.

use jiff::tz::TimeZone;

use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// What a budget covers.
    BudgetScope, "budget scope" {
        /// One run.
        Run = "run",
        /// A task with all its descendants, over all their runs.
        TaskTree = "task_tree",
        /// A project, over the window.
        Project = "project",
        /// Everything, over the window.
        Global = "global",
    }
}

text_enum! {
    /// Over what time project and global budgets count.
    BudgetPeriod, "budget period" {
        /// The last hours of the rolling window.
        Rolling = "rolling",
        /// Since midnight.
        CalendarDay = "calendar_day",
    }
}

/// The limits, in model tokens. `None` means that an operator has taken the limit away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// One run.
    pub run: Option<u64>,
    /// A task with its descendants.
    pub task_tree: Option<u64>,
    /// A project without an own limit.
    pub project: Option<u64>,
    /// Everything.
    pub global: Option<u64>,
}

impl Default for Budgets {
    /// 20 million a run, 100 million a task tree, 200 million a project and day, 500 million a day, tokens read from caches included: enough for
    /// a week of ordinary work, and an end to every runaway (budget R1).
    fn default() -> Self {
        Self { run: Some(20_000_000), task_tree: Some(100_000_000), project: Some(200_000_000), global: Some(500_000_000) }
    }
}

/// What is spent and reserved per scope, in model tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The run itself; 0 before a start.
    pub run: u64,
    /// The task tree: all its runs, what is reserved for open ones included.
    pub task_tree: u64,
    /// The project: window use and in flight.
    pub project: u64,
    /// Everything: window use and in flight.
    pub global: u64,
}

/// The budget that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {scope} budget is used up: {used} of {limit} tokens")]
pub struct BudgetStop {
    /// Which.
    pub scope: BudgetScope,
    /// Spent and reserved.
    pub used: u64,
    /// The limit.
    pub limit: u64,
}

/// True when `used` has reached `limit`; without a limit never (F-056).
#[must_use]
pub const fn exhausted(used: u64, limit: Option<u64>) -> bool {
    match limit {
        Some(limit) => used >= limit,
        None => false,
    }
}

impl Budgets {
    fn first_stop(&self, uses: &Uses, scopes: &[BudgetScope]) -> Result<(), BudgetStop> {
        for scope in scopes {
            let (used, limit) = match scope {
                BudgetScope::Run => (uses.run, self.run),
                BudgetScope::TaskTree => (uses.task_tree, self.task_tree),
                BudgetScope::Project => (uses.project, self.project),
                BudgetScope::Global => (uses.global, self.global),
            };
            if let Some(limit) = limit.filter(|limit| used >= *limit) {
                return Err(BudgetStop { scope: *scope, used, limit });
            }
        }
        Ok(())
    }

    /// May a run start? Returns the tokens to reserve: what it is expected to cost, never more than the run, the tree or any other limit
    /// leaves (budget R2). So spent and reserved pass a limit by at most one run.
    ///
    /// # Errors
    /// [`BudgetStop`] names the first budget that is used up, the narrowest first.
    pub fn reserve(&self, uses: &Uses, expected: u64) -> Result<u64, BudgetStop> {
        self.first_stop(uses, &[BudgetScope::TaskTree, BudgetScope::Project, BudgetScope::Global])?;
        let left = |used: u64, limit: Option<u64>| limit.map_or(u64::MAX, |limit| limit.saturating_sub(used));
        let room = left(0, self.run).min(left(uses.task_tree, self.task_tree));
        Ok(expected.min(room))
    }

    /// May a run that has used `uses.run` go on? Only its own and its tree's budget end a run; project and global budgets stop starts
    /// only (budget R3).
    ///
    /// # Errors
    /// [`BudgetStop`] names the budget.
    pub fn check_running(&self, uses: &Uses) -> Result<(), BudgetStop> {
        self.first_stop(uses, &[BudgetScope::Run, BudgetScope::TaskTree])
    }
}

/// The instant from which usage counts at `now`: the rolling window's start, or the last midnight in `zone` (D-21). The later of the two,
/// so that a day never counts more than the window keeps.
#[must_use]
pub fn window_start(period: BudgetPeriod, now: Timestamp, window_ms: i64, zone: &TimeZone) -> Timestamp {
    let rolling = now.plus_millis(window_ms.saturating_neg());
    match period {
        BudgetPeriod::Rolling => rolling,
        BudgetPeriod::CalendarDay => {
            let instant = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
            let midnight =
                instant.to_zoned(zone.clone()).start_of_day().map(|zoned| Timestamp::from_millis(zoned.timestamp().as_millisecond()));
            midnight.map_or(rolling, |midnight| midnight.max(rolling))
        }
    }
}

impl Budgets {
    /// The limit of a scope.
    #[must_use]
    pub const fn of(&self, scope: BudgetScope) -> Option<u64> {
        match scope {
            BudgetScope::Run => self.run,
            BudgetScope::TaskTree => self.task_tree,
            BudgetScope::Project => self.project,
            BudgetScope::Global => self.global,
        }
    }

    /// Changes the limit of a scope.
    pub const fn set(&mut self, scope: BudgetScope, limit: Option<u64>) {
        match scope {
            BudgetScope::Run => self.run = limit,
            BudgetScope::TaskTree => self.task_tree = limit,
            BudgetScope::Project => self.project = limit,
            BudgetScope::Global => self.global = limit,
        }
    }

    /// True when the block of a task whose last run spent `run` tokens and whose tree spent `task_tree` passes: neither of the two budgets would
    /// stop it at once again (budget R8). Both only ever grow, so it takes a raised budget.
    #[must_use]
    pub const fn lifts_block(&self, run: u64, task_tree: u64) -> bool {
        !exhausted(run, self.run) && !exhausted(task_tree, self.task_tree)
    }
}

/// When a budget that counts from `window_start` on opens again at `now` if nothing else is spent: the next midnight in `zone` for a calendar day;
/// for the rolling window `rolling` says when enough has left it.
#[must_use]
pub fn opens_at(period: BudgetPeriod, now: Timestamp, zone: &TimeZone, rolling: Option<Timestamp>) -> Option<Timestamp> {
    let midnight = || {
        let today = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?.to_zoned(zone.clone());
        let tomorrow = today.tomorrow().ok()?.start_of_day().ok()?;
        Some(Timestamp::from_millis(tomorrow.timestamp().as_millisecond()))
    };
    match (period, rolling) {
        (BudgetPeriod::Rolling, rolling) => rolling,
        (BudgetPeriod::CalendarDay, Some(rolling)) => midnight().map(|midnight| midnight.min(rolling)),
        (BudgetPeriod::CalendarDay, None) => midnight(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// F-056, budget R2.
    #[test]
    fn a_budget_is_used_up_at_its_limit() {
        assert!(exhausted(50_000, Some(50_000)) && !exhausted(49_999, Some(50_000)) && !exhausted(u64::MAX, None));
        let budgets = Budgets { run: Some(100), task_tree: Some(300), project: Some(500), global: Some(900) };
        let uses = Uses { run: 0, task_tree: 250, project: 0, global: 0 };
        assert_eq!(budgets.reserve(&uses, 1_000), Ok(50));
        assert_eq!(budgets.reserve(&Uses::default(), 1_000), Ok(100));
        assert_eq!(budgets.reserve(&Uses::default(), 10), Ok(10));
        let stop = budgets.reserve(&Uses { task_tree: 300, project: 600, ..uses }, 1).unwrap_err();
        assert_eq!(stop.to_string(), "the task_tree budget is used up: 300 of 300 tokens");
        let stop = budgets.reserve(&Uses { global: 900, ..Uses::default() }, 1).unwrap_err();
        assert_eq!(stop.scope, BudgetScope::Global);
    }

    /// budget R3.
    #[test]
    fn only_run_and_tree_end_a_run() {
        let budgets = Budgets { run: Some(100), task_tree: Some(300), project: Some(500), global: Some(900) };
        let uses = Uses { run: 99, task_tree: 299, project: 9_999, global: 9_999 };
        assert_eq!(budgets.check_running(&uses), Ok(()));
        assert_eq!(budgets.check_running(&Uses { run: 100, ..uses }).unwrap_err().scope, BudgetScope::Run);
    }

    /// budget R1: the defaults are finite, and each holds several of the narrower ones.
    #[test]
    fn defaults_are_finite() {
        let Budgets { run: Some(run), task_tree: Some(tree), project: Some(project), global: Some(global) } = Budgets::default() else {
            panic!("a default is infinite")
        };
        assert!(run < tree && tree < project && project < global);
    }

    /// F-046, D-21: the rolling window and the calendar day.
    #[test]
    fn a_day_starts_at_midnight_of_its_zone() {
        let now: jiff::Timestamp = "2026-03-02T15:30:00Z".parse().unwrap();
        let now = Timestamp::from_millis(now.as_millisecond());
        let day = 86_400_000;
        assert_eq!(window_start(BudgetPeriod::Rolling, now, day, &TimeZone::UTC), now.plus_millis(-day));
        assert_eq!(window_start(BudgetPeriod::CalendarDay, now, day, &TimeZone::UTC).to_string(), "2026-03-02T00:00:00Z");
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(window_start(BudgetPeriod::CalendarDay, now, day, &tokyo).to_string(), "2026-03-02T15:00:00Z");
        let hour = 3_600_000;
        assert_eq!(window_start(BudgetPeriod::CalendarDay, now, hour, &TimeZone::UTC), now.plus_millis(-hour));
    }

    /// budget R4, R8: a day's budget opens at midnight of its zone, also on days of 23 and 25 hours; a block lifts when a budget was raised.
    #[test]
    fn budgets_open_again() {
        let vienna = crate::limits::read_zone("Europe/Vienna").unwrap();
        let at = |text: &str| Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let opens = |now| opens_at(BudgetPeriod::CalendarDay, at(now), &vienna, None).unwrap().to_string();
        assert_eq!(opens("2026-03-29T00:30:00Z"), "2026-03-29T22:00:00Z");
        assert_eq!(opens("2026-10-25T00:30:00Z"), "2026-10-25T23:00:00Z");
        let rolling = Some(at("2026-10-25T01:00:00Z"));
        assert_eq!(opens_at(BudgetPeriod::CalendarDay, at("2026-10-25T00:30:00Z"), &vienna, rolling), rolling);
        assert_eq!(opens_at(BudgetPeriod::Rolling, at("2026-10-25T00:30:00Z"), &vienna, rolling), rolling);
        let mut budgets = Budgets { run: Some(100), task_tree: Some(300), ..Budgets::default() };
        assert!(!budgets.lifts_block(100, 200) && !budgets.lifts_block(99, 300) && budgets.lifts_block(99, 299));
        budgets.set(BudgetScope::Run, None);
        assert!(budgets.lifts_block(u64::MAX, 0) && budgets.of(BudgetScope::TaskTree) == Some(300));
    }

    proptest! {
        /// budget R2: over any history of starts, messages and ends, what is reserved and used together is what a fresh count of the open and the
        /// ended runs gives, and nothing stays reserved once everything has ended.
        #[test]
        fn nothing_stays_reserved(steps in prop::collection::vec((0_usize..4, 0_u8..3, 0_u64..80), 1..80)) {
            let budgets = Budgets { run: Some(100), task_tree: Some(2_000), project: None, global: None };
            // Per open run: reserved and spent; what ended runs spent.
            let (mut open, mut ended) = (std::collections::BTreeMap::<usize, (u64, u64)>::new(), 0_u64);
            for (slot, what, amount) in steps {
                let held = |open: &std::collections::BTreeMap<usize, (u64, u64)>| open.values().map(|(reserved, spent)| spent + reserved.saturating_sub(*spent)).sum::<u64>();
                let uses = Uses { task_tree: ended + held(&open), ..Uses::default() };
                match what {
                    0 if !open.contains_key(&slot) => if let Ok(reserved) = budgets.reserve(&uses, amount) {
                        prop_assert!(uses.task_tree + reserved <= 2_000);
                        open.insert(slot, (reserved, 0));
                    },
                    1 => if let Some((_, spent)) = open.get_mut(&slot) { *spent += amount; },
                    _ => if let Some((_, spent)) = open.remove(&slot) { ended += spent; },
                }
            }
            let spent: u64 = open.values().map(|(_, spent)| *spent).sum::<u64>() + ended;
            for slot in 0..4 { if let Some((_, spent)) = open.remove(&slot) { ended += spent; } }
            prop_assert_eq!(ended, spent);
            prop_assert!(open.is_empty());
        }

        /// budget R2: whatever starts and ends, a tree never passes its limit by more than the reservation of one run.
        #[test]
        fn reservations_stay_within_the_tree(expected in 1_u64..200, costs in prop::collection::vec(0_u64..100, 1..40)) {
            let budgets = Budgets { run: Some(100), task_tree: Some(1_000), project: None, global: None };
            let mut spent = 0;
            for cost in costs {
                match budgets.reserve(&Uses { task_tree: spent, ..Uses::default() }, expected) {
                    Ok(reserved) => { prop_assert!(spent + reserved <= 1_000); spent += cost; }
                    Err(stop) => { prop_assert!(stop.used >= 1_000); break; }
                }
            }
            prop_assert!(spent < 1_000 + 100);
        }
    }
}

//! Who of the waiting runs may start (F-140).

use std::collections::BTreeSet;

use crate::time::Timestamp;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600_000;

/// A run that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The run.
    pub run: String,
    /// Its hook.
    pub hook: String,
    /// A person fired it: it does not wait for room.
    pub by_hand: bool,
}

/// The runs that may start now, in the order they came: one per hook, and `most` in total; what a person fired needs no room (F-139).
#[must_use]
pub fn startable(waiting: &[Waiting], running: &BTreeSet<String>, most: usize) -> Vec<String> {
    let mut busy = running.clone();
    let mut chosen = Vec::new();
    for one in waiting {
        if (one.by_hand || busy.len() < most) && !busy.contains(&one.hook) {
            busy.insert(one.hook.clone());
            chosen.push(one.run.clone());
        }
    }
    chosen
}

/// The beginning of the day (UTC) of `now`.
#[must_use]
pub const fn day_start(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - now.as_millis().rem_euclid(DAY_MS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waiting(pairs: &[(u8, u8)]) -> Vec<Waiting> {
        pairs.iter().map(|(run, hook)| Waiting { run: format!("r{run}"), hook: format!("h{hook}"), by_hand: false }).collect()
    }

    /// F-140, F-139.
    #[test]
    fn one_per_hook_and_a_number_in_total() {
        let running = BTreeSet::from(["h1".to_owned()]);
        let list = waiting(&[(1, 1), (2, 2), (3, 2), (4, 3)]);
        assert_eq!(startable(&list, &running, 2), ["r2"]);
        assert_eq!(startable(&list, &running, 9), ["r2", "r4"]);
        let by_hand = Waiting { run: "m".into(), hook: "h9".into(), by_hand: true };
        assert_eq!(startable(&[by_hand], &running, 0), ["m"]);
    }

    /// Hook R1: a day begins at midnight, also before 1970.
    #[test]
    fn a_day_begins_at_midnight() {
        let begins = |millis| day_start(Timestamp::from_millis(millis)).as_millis();
        assert_eq!([0, 1, 86_399_999, 86_400_000, 90_000_000, -1].map(begins), [0, 0, 0, 86_400_000, 86_400_000, -86_400_000]);
    }

    proptest! {
        /// F-140: never more than the cap, never two of one hook, never one of a busy hook.
        #[test]
        fn caps_hold(hooks in prop::collection::vec(0..6_u8, 0..20), busy in prop::collection::btree_set(0..6_u8, 0..4), most in 0..6_usize) {
            let running: BTreeSet<String> = busy.iter().map(|hook| format!("h{hook}")).collect();
            let pairs: Vec<_> = (0_u8..).zip(hooks).collect();
            let list = waiting(&pairs);
            let chosen = startable(&list, &running, most);
            prop_assert!(chosen.is_empty() || running.len() + chosen.len() <= most);
            let hooks: Vec<_> = chosen.iter().filter_map(|run| list.iter().find(|one| one.run == *run)).map(|one| one.hook.clone()).collect();
            prop_assert!(hooks.iter().all(|hook| !running.contains(hook)));
        }
    }
}

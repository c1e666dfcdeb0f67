//! Whose turn it is: jobs of several askers, done for one after the other, so that one who asks for much keeps nobody else waiting.
//!
//! Pure; the threads that do the jobs live behind `queue`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Who asks: any name that tells one from another.
pub(super) type Asker = Arc<str>;

/// The asker of what the server does by itself.
pub(super) const SERVER: &str = "server";

/// What one asker wants.
#[derive(Debug)]
struct Wants<T> {
    /// Not begun, the oldest first.
    waiting: VecDeque<T>,
    /// How many are being done.
    at_work: usize,
}

/// Jobs that wait for a turn. Within an asker the oldest comes first; between askers, whoever has waited longest for a turn.
#[derive(Debug)]
pub(super) struct Turns<T> {
    /// The askers with a job that waits, each once, the next one first.
    order: VecDeque<Asker>,
    /// Everybody who has a job that waits or is being done.
    askers: HashMap<Asker, Wants<T>>,
    /// How many jobs of one asker are done at a time.
    share: usize,
    /// How many jobs have not begun.
    waiting: usize,
}

impl<T> Turns<T> {
    /// For `places` jobs at a time. One asker has all of them but one at most, so that the next who comes finds one; where there is one only, they
    /// share it.
    pub(super) fn new(places: usize) -> Self {
        Self { order: VecDeque::new(), askers: HashMap::new(), share: places.saturating_sub(1).max(1), waiting: 0 }
    }

    /// Adds a job.
    pub(super) fn push(&mut self, asker: &Asker, job: T) {
        let wants = self.askers.entry(Arc::clone(asker)).or_insert_with(|| Wants { waiting: VecDeque::new(), at_work: 0 });
        if wants.waiting.is_empty() {
            self.order.push_back(Arc::clone(asker));
        }
        wants.waiting.push_back(job);
        self.waiting += 1;
    }

    /// How many jobs have not begun.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// The place in the order of the first asker whose share is not in use. Looks at most at as many as have theirs in use, and one more.
    fn next(&self) -> Option<usize> {
        self.order.iter().position(|asker| self.askers.get(asker).is_some_and(|wants| wants.at_work < self.share))
    }

    /// True when there is a job that may begin.
    pub(super) fn is_ready(&self) -> bool {
        self.next().is_some()
    }

    /// Begins the job whose turn it is, and says whose it is; `None`: there is none that may begin. Its end has to be told to [`Turns::done`].
    pub(super) fn take(&mut self) -> Option<(Asker, T)> {
        let asker = self.order.remove(self.next()?)?;
        let wants = self.askers.get_mut(&asker)?;
        let job = wants.waiting.pop_front()?;
        wants.at_work += 1;
        self.waiting -= 1;
        if !wants.waiting.is_empty() {
            self.order.push_back(Arc::clone(&asker));
        }
        Some((asker, job))
    }

    /// A job of this asker is over.
    pub(super) fn done(&mut self, asker: &Asker) {
        if let Some(wants) = self.askers.get_mut(asker) {
            wants.at_work = wants.at_work.saturating_sub(1);
            if wants.at_work == 0 && wants.waiting.is_empty() {
                self.askers.remove(asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Asker {
        Arc::from(text)
    }

    /// Store R9: who comes behind a hundred jobs of another waits for one of them, not for a hundred.
    #[test]
    fn who_asks_for_little_does_not_wait_for_who_asks_for_much() {
        let (greedy, modest) = (name("greedy"), name("modest"));
        let mut turns = Turns::new(3);
        for number in 0..100 {
            turns.push(&greedy, number);
        }
        turns.push(&modest, 1000);
        let begun: Vec<i32> = std::iter::from_fn(|| turns.take()).map(|(_, job)| job).collect();
        assert_eq!(begun, [0, 1000, 1], "of three places the greedy one gets two, and the modest one its turn");
        turns.push(&modest, 1001);
        turns.done(&greedy);
        assert_eq!(turns.take().map(|(_, job)| job), Some(2));
        assert_eq!(turns.take().map(|(_, job)| job), Some(1001));
    }

    /// Store R9: one place is shared by turns.
    #[test]
    fn a_single_place_is_shared() {
        let mut turns = Turns::new(1);
        for (asker, job) in [("a", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)] {
            turns.push(&name(asker), job);
        }
        let mut order = Vec::new();
        while let Some((asker, job)) = turns.take() {
            turns.done(&asker);
            order.push(job);
        }
        assert_eq!(order, [1, 3, 2, 5, 4]);
        assert!(turns.askers.is_empty() && turns.order.is_empty() && turns.waiting() == 0, "nobody is remembered who wants nothing");
    }

    /// What happens to the turns.
    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Take,
        Done(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![(0..4_u8).prop_map(Step::Push), Just(Step::Take), (0..8_usize).prop_map(Step::Done)]
    }

    proptest! {
        /// Store R9: every job is done once, in the order of its asker; no share is exceeded; nobody waits who could begin; and while one
        /// could begin, nobody else begins twice.
        #[test]
        fn turns_are_fair(places in 1..5_usize, steps in proptest::collection::vec(step(), 0..200)) {
            let share = (places - 1).max(1);
            let mut turns = Turns::new(places);
            let mut waiting: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
            let mut at_work: Vec<u8> = Vec::new();
            let mut passed_by: BTreeMap<u8, BTreeMap<u8, usize>> = BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(asker) => {
                        turns.push(&name(&asker.to_string()), number);
                        waiting.entry(asker).or_default().push(number);
                    }
                    Step::Take if at_work.len() < places => {
                        let free = |asker: &u8| at_work.iter().filter(|other| *other == asker).count() < share;
                        let may: Vec<u8> = waiting.iter().filter(|(asker, jobs)| !jobs.is_empty() && free(asker)).map(|(asker, _)| *asker).collect();
                        prop_assert_eq!(turns.is_ready(), !may.is_empty());
                        prop_assert_eq!(turns.waiting(), waiting.values().map(Vec::len).sum::<usize>());
                        let Some((asker, job)) = turns.take() else {
                            prop_assert!(may.is_empty());
                            continue;
                        };
                        let asker: u8 = asker.parse().unwrap();
                        prop_assert!(may.contains(&asker));
                        prop_assert_eq!(waiting.get_mut(&asker).unwrap().remove(0), job);
                        at_work.push(asker);
                        passed_by.remove(&asker);
                        for other in may.into_iter().filter(|other| *other != asker) {
                            let times = passed_by.entry(other).or_default().entry(asker).or_default();
                            *times += 1;
                            prop_assert!(*times <= 1, "{asker} was served {times} times while {other} could have been");
                        }
                    }
                    Step::Done(which) if !at_work.is_empty() => {
                        let asker = at_work.remove(which % at_work.len());
                        turns.done(&name(&asker.to_string()));
                    }
                    Step::Take | Step::Done(_) => {}
                }
            }
        }
    }
}

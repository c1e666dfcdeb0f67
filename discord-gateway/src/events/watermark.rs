//! Up to which event everything is done, when projects are handled beside each other. Pure.

use std::collections::BTreeMap;

/// Most events under way. A card that waits for its turn is one of them, and must not keep others from being told.
pub(super) const UNDER_WAY: usize = 1024;

/// Most events that are kept in mind behind one that is not done.
const BEHIND: usize = 65_536;

/// Events that were taken and are not all done.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    taken: BTreeMap<u64, bool>,
    /// How many are not done.
    open: usize,
    acknowledged: u64,
}

impl Watermark {
    /// An event was taken.
    pub(super) fn take(&mut self, seq: u64) {
        if self.taken.insert(seq, false) != Some(false) {
            self.open += 1;
        }
    }

    /// An event is done; returns what may be acknowledged now, when that has moved.
    pub(super) fn done(&mut self, seq: u64) -> Option<u64> {
        if let Some(done) = self.taken.get_mut(&seq).filter(|done| !**done) {
            *done = true;
            self.open -= 1;
        }
        let mut moved = None;
        while let Some(first) = self.taken.first_entry().filter(|entry| *entry.get()) {
            moved = Some(first.remove_entry().0);
        }
        if let Some(seq) = moved {
            self.acknowledged = seq;
        }
        moved
    }

    /// True when no more may be taken: too many are under way, or too many are done behind one that is not.
    pub(super) fn is_full(&self) -> bool {
        self.open >= UNDER_WAY || self.taken.len() >= BEHIND
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// F-235, events R2: whatever the order in which events are done, nothing is acknowledged before all before it is done, and in the end
        /// everything is.
        #[test]
        fn nothing_is_acknowledged_early(order in Just((1u64..40).collect::<Vec<_>>()).prop_shuffle()) {
            let mut mark = Watermark::default();
            (1..40).for_each(|seq| mark.take(seq));
            let (mut done, mut acknowledged) = (std::collections::BTreeSet::new(), 0);
            for seq in order {
                done.insert(seq);
                if let Some(upto) = mark.done(seq) {
                    prop_assert!(upto > acknowledged && (1..=upto).all(|seq| done.contains(&seq)));
                    acknowledged = upto;
                }
            }
            prop_assert_eq!((acknowledged, mark.open, mark.taken.len()), (39, 0, 0));
        }
    }

    /// Events R2: what waits for long keeps others from being taken only when there are many of its kind.
    #[test]
    fn one_that_waits_keeps_nobody() {
        let mut mark = Watermark::default();
        mark.take(0);
        (1..BEHIND as u64).for_each(|seq| {
            assert!(!mark.is_full());
            mark.take(seq);
            assert_eq!(mark.done(seq), None);
        });
        assert!(mark.is_full());
        assert_eq!(mark.done(0), Some(BEHIND as u64 - 1));
        (0..UNDER_WAY as u64).for_each(|seq| mark.take(BEHIND as u64 + seq));
        assert!(mark.is_full());
    }
}

//! Up to which event everything is done, when projects are handled beside each other. Pure.

use std::collections::BTreeMap;

/// Events that were taken and are not all done.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    taken: BTreeMap<u64, bool>,
    acknowledged: u64,
}

impl Watermark {
    /// An event was taken.
    pub(super) fn take(&mut self, seq: u64) {
        self.taken.insert(seq, false);
    }

    /// An event is done; returns what may be acknowledged now, when that has moved.
    pub(super) fn done(&mut self, seq: u64) -> Option<u64> {
        if let Some(done) = self.taken.get_mut(&seq) {
            *done = true;
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

    /// How many are under way.
    pub(super) fn open(&self) -> usize {
        self.taken.len()
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
            prop_assert_eq!((acknowledged, mark.open()), (39, 0));
        }
    }
}

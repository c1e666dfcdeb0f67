//! The last ids that were seen, so that what is delivered twice is handled once (F-199).

use std::collections::{HashSet, VecDeque};

/// More than this many ids, and only the newest [`KEPT`] are kept.
const MOST: usize = 200;
const KEPT: usize = 100;

/// The last ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Recent {
    /// Notes an id; false when it was there already.
    pub(crate) fn note(&mut self, id: u64) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > MOST {
            while self.order.len() > KEPT {
                if let Some(old) = self.order.pop_front() {
                    self.known.remove(&old);
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-199, D-98: an id counts once; over 200 the newest 100 stay, in the order they came.
    #[test]
    fn an_id_counts_once() {
        let mut recent = Recent::default();
        assert!((0..200).all(|id| recent.note(id)));
        assert!(!recent.note(0));
        assert!(recent.note(200));
        assert_eq!((recent.known.len(), recent.order.len()), (100, 100));
        assert!(!recent.note(101) && recent.note(100));
    }
}

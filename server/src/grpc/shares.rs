//! How much of something each may have open at once: streams, calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what each owner has open. gRPC R8.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    most: usize,
    open: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// One that is open; dropping it makes room.
#[derive(Debug)]
pub(super) struct Held {
    owner: String,
    shares: Shares,
}

impl Shares {
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// One more of an owner; `None` when it has its share.
    pub(super) fn enter(&self, owner: String) -> Option<Held> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(owner.clone()).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Held { owner, shares: self.clone() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.shares.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.owner);
            }
        }
    }
}

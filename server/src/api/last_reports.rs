//! When each run reported last how far it is, so that reports do not come too often.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::time::Timestamp;

/// Shortest time between two reports of a run, in milliseconds.
pub(super) const SPACING_MS: i64 = 5_000;
/// Runs that are remembered before the old ones are forgotten.
const REMEMBERED: usize = 1_024;

/// When each run reported last. Not stored: after a start of the server everybody may report again.
#[derive(Clone, Default)]
pub(super) struct LastReports(Arc<Mutex<BTreeMap<String, Timestamp>>>);

impl LastReports {
    pub(super) fn is_too_soon(&self, who: &str, now: Timestamp) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(who).is_some_and(|at| (0..SPACING_MS).contains(&now.millis_since(*at)))
    }

    pub(super) fn note(&self, who: String, now: Timestamp) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= REMEMBERED {
            last.retain(|_, at| (0..SPACING_MS).contains(&now.millis_since(*at)));
        }
        last.insert(who, now);
    }
}

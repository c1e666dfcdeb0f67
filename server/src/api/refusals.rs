//! How many refused calls of one key the audit log takes: so many in a minute, further ones by their number.
//!
//! What is recorded of one lives in `audit`.
//!
//! Spec: specs/server/audit.md

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aq_core::time::Timestamp;

/// Refusals of one key that are recorded in a minute.
const MOST: u32 = 60;
const MINUTE_MS: i64 = 60_000;
/// Keys remembered at most; only real keys come here.
const MOST_KEYS: usize = 4096;

/// A minute of one key.
#[derive(Clone, Copy, Debug)]
struct Minute {
    since: Timestamp,
    recorded: u32,
    left_out: u32,
}

/// How many refusals of each key were recorded lately. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<Mutex<BTreeMap<String, Minute>>>);

impl Refusals {
    /// True when one more is recorded, with the number of those that were left out before it.
    pub(super) fn take(&self, key: &str, now: Timestamp) -> Option<u32> {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.len() >= MOST_KEYS && !minutes.contains_key(key) {
            minutes.retain(|_, minute| (0..MINUTE_MS).contains(&now.millis_since(minute.since)));
            if minutes.len() >= MOST_KEYS {
                minutes.pop_first();
            }
        }
        let minute = minutes.entry(key.to_owned()).or_insert(Minute { since: now, recorded: 0, left_out: 0 });
        if !(0..MINUTE_MS).contains(&now.millis_since(minute.since)) {
            (minute.since, minute.recorded) = (now, 0);
        }
        if minute.recorded >= MOST {
            minute.left_out = minute.left_out.saturating_add(1);
            return None;
        }
        minute.recorded += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// audit R5: a flood of refusals is a number in the next record, and each minute begins anew.
    #[test]
    fn floods_are_counted() {
        let refusals = Refusals::default();
        let at = Timestamp::from_millis;
        assert!((0..MOST).all(|_| refusals.take("k", at(5)) == Some(0)));
        assert!((0..7).all(|_| refusals.take("k", at(6)).is_none()));
        assert_eq!(refusals.take("other", at(6)), Some(0));
        assert_eq!((refusals.take("k", at(5 + MINUTE_MS)), refusals.take("k", at(6 + MINUTE_MS))), (Some(7), Some(0)));
        for key in 0..MOST_KEYS + 10 {
            let _taken = refusals.take(&key.to_string(), at(7));
        }
        assert!(refusals.0.lock().unwrap().len() <= MOST_KEYS);
    }
}

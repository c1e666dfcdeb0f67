//! Discord's limits as its answers tell them: a bucket for each route and channel, and the common limit. Pure; time is in milliseconds.

use std::collections::{HashMap, VecDeque};

use super::call::Reply;

/// Calls a second, a little below Discord's 50.
const A_SECOND: usize = 45;

/// More buckets than this, and those that are full again are forgotten.
const MANY: usize = 512;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    remaining: u32,
    reset_at: u64,
}

/// What is known of the limits.
#[derive(Debug, Default)]
pub(super) struct Limits {
    routes: HashMap<String, Bucket>,
    recent: VecDeque<u64>,
    all_until: u64,
}

impl Limits {
    /// Takes a place for a call of this route; else says how long to wait before asking again.
    pub(super) fn take(&mut self, route: &str, apart: bool, now: u64) -> Result<(), u64> {
        if let Some(bucket) = self.routes.get(route)
            && bucket.remaining == 0
            && bucket.reset_at > now
        {
            return Err(bucket.reset_at - now);
        }
        if !apart {
            if self.all_until > now {
                return Err(self.all_until - now);
            }
            while self.recent.front().is_some_and(|at| at + 1000 <= now) {
                self.recent.pop_front();
            }
            if self.recent.len() >= A_SECOND {
                return Err(self.recent.front().map_or(1, |at| (at + 1000).saturating_sub(now)).max(1));
            }
            self.recent.push_back(now);
        }
        if let Some(bucket) = self.routes.get_mut(route) {
            bucket.remaining = bucket.remaining.saturating_sub(1);
        }
        Ok(())
    }

    /// Learns from an answer; returns how long to wait before the same call is tried again, when it was turned away.
    pub(super) fn answered(&mut self, route: &str, reply: &Reply, now: u64) -> Option<u64> {
        if let (Some(remaining), Some(after)) = (reply.remaining, reply.reset_after) {
            self.routes.insert(route.to_owned(), Bucket { remaining, reset_at: now + after });
        }
        if self.routes.len() > MANY {
            self.routes.retain(|_, bucket| bucket.reset_at > now);
        }
        if reply.status != 429 {
            return None;
        }
        let wait = reply.retry_after.or(reply.reset_after).unwrap_or(1000).max(50);
        if reply.global {
            self.all_until = self.all_until.max(now + wait);
        } else {
            self.routes.insert(route.to_owned(), Bucket { remaining: 0, reset_at: now + wait });
        }
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(remaining: u32, reset_after: u64) -> Reply {
        Reply { status: 200, remaining: Some(remaining), reset_after: Some(reset_after), ..Reply::default() }
    }

    /// Outbound R2, R3: an empty bucket holds its own route only; a common limit holds everything but answers to interactions.
    #[test]
    fn limits_hold_what_they_are_about() {
        let mut limits = Limits::default();
        limits.answered("a", &told(0, 4000), 100);
        assert_eq!((limits.take("a", false, 1100), limits.take("b", false, 1100)), (Err(3000), Ok(())));
        assert_eq!(limits.take("a", false, 4100), Ok(()));
        let refused = Reply { status: 429, retry_after: Some(700), global: true, ..Reply::default() };
        assert_eq!(limits.answered("b", &refused, 5000), Some(700));
        assert_eq!((limits.take("c", false, 5100), limits.take("d", true, 5100)), (Err(600), Ok(())));
        let refused = Reply { status: 429, retry_after: Some(700), ..Reply::default() };
        limits.answered("e", &refused, 9000);
        assert_eq!((limits.take("e", false, 9100), limits.take("f", false, 9100)), (Err(600), Ok(())));
    }

    proptest! {
        /// Outbound R3: never more calls in a second than Discord takes, whenever they are asked for.
        #[test]
        fn no_second_has_too_many(steps in prop::collection::vec(0u64..60, 1..400)) {
            let (mut limits, mut now, mut made) = (Limits::default(), 0, Vec::new());
            for step in steps {
                now += step;
                if limits.take("r", false, now).is_ok() {
                    made.push(now);
                }
            }
            for at in &made {
                prop_assert!(made.iter().filter(|other| (**other..**other + 1000).contains(at)).count() <= A_SECOND * 1000);
                prop_assert!(made.iter().filter(|other| *other >= at && **other < at + 1000).count() <= A_SECOND);
            }
        }
    }
}

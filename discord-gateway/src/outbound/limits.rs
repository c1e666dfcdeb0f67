//! Discord's limits as its answers tell them: a bucket for each route and channel, and the common limit. Pure; time is in milliseconds.

use std::collections::{HashMap, VecDeque};

use super::call::Reply;

/// Calls a second, a little below Discord's 50.
const A_SECOND: usize = 45;

/// More buckets than this, and those that are full again are forgotten.
const MANY: usize = 512;

/// How soon a route whose limit nobody knows yet is asked about again while its first call is under way.
const UNKNOWN: u64 = 25;

/// Two instants closer than this are the end of the same window: answers tell it to the millisecond, and travel.
const SAME: u64 = 250;

/// Where a bucket stands in the window that was told last.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Calls of a full window; `None`: not told.
    limit: Option<u32>,
    remaining: u32,
    reset_at: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// `None`: no answer has told it.
    window: Option<Window>,
    /// Calls under way.
    open: u32,
}

/// What is known of the limits.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// The bucket of a route, where it has another name: several routes may share one.
    shared: HashMap<String, String>,
    buckets: HashMap<String, Bucket>,
    recent: VecDeque<u64>,
    all_until: u64,
}

impl Limits {
    fn key<'a>(&'a self, route: &'a str) -> &'a str {
        self.shared.get(route).map_or(route, String::as_str)
    }

    /// Takes a place for a call of this route, which [`Limits::left`] gives back; else says how long to wait before asking again.
    pub(super) fn take(&mut self, route: &str, apart: bool, now: u64) -> Result<(), u64> {
        let key = self.key(route).to_owned();
        let bucket = self.buckets.entry(key).or_default();
        match &mut bucket.window {
            // Nobody knows how many may go: the first one finds out.
            None if bucket.open > 0 => return Err(UNKNOWN),
            None => {}
            Some(window) => {
                if window.reset_at <= now {
                    // A window is over: what is under way may count in the new one.
                    window.remaining = window.limit.unwrap_or(1).saturating_sub(bucket.open);
                    if window.remaining == 0 {
                        return Err(UNKNOWN);
                    }
                }
                if window.remaining == 0 {
                    return Err(window.reset_at - now);
                }
            }
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
        bucket.open += 1;
        if let Some(window) = &mut bucket.window {
            window.remaining = window.remaining.saturating_sub(1);
        }
        Ok(())
    }

    /// How long to wait at least before a call of this route could go and so many behind it, where the limit is so wide; 0: it could go now.
    pub(super) fn wait(&self, route: &str, spare: u32, now: u64) -> u64 {
        let window = self.buckets.get(self.key(route)).and_then(|bucket| bucket.window);
        let full = |window: &Window| window.remaining <= spare.min(window.limit.unwrap_or(1).saturating_sub(1));
        let own = window.filter(|window| full(window) && window.reset_at > now).map_or(0, |window| window.reset_at - now);
        own.max(self.all_until.saturating_sub(now))
    }

    /// A call of this route is under way no more, whatever came of it.
    pub(super) fn left(&mut self, route: &str) {
        let key = self.key(route).to_owned();
        if let Some(bucket) = self.buckets.get_mut(&key) {
            bucket.open = bucket.open.saturating_sub(1);
        }
    }

    /// Learns from an answer; returns how long to wait before the same call is tried again, when it was turned away.
    pub(super) fn answered(&mut self, route: &str, reply: &Reply, now: u64) -> Option<u64> {
        self.named(route, reply);
        let key = self.key(route).to_owned();
        if let (Some(remaining), Some(after)) = (reply.remaining, reply.reset_after) {
            let bucket = self.buckets.entry(key.clone()).or_default();
            let reset_at = now + after;
            // An answer that comes late tells what was left before calls that went after it.
            let remaining = match bucket.window {
                Some(known) if known.reset_at > now && reset_at <= known.reset_at + SAME => known.remaining.min(remaining),
                // This one has been answered; the others may not be counted in it.
                _ => remaining.saturating_sub(bucket.open.saturating_sub(1)),
            };
            bucket.window = Some(Window { limit: reply.limit, remaining, reset_at });
        }
        if self.buckets.len() > MANY {
            self.buckets.retain(|_, bucket| bucket.open > 0 || bucket.window.is_some_and(|window| window.reset_at > now));
            let buckets = &self.buckets;
            self.shared.retain(|_, name| buckets.contains_key(name));
        }
        if reply.status != 429 {
            return None;
        }
        let wait = reply.retry_after.or(reply.reset_after).unwrap_or(1000).max(50);
        if reply.global {
            self.all_until = self.all_until.max(now + wait);
        } else {
            let bucket = self.buckets.entry(key).or_default();
            bucket.window = Some(Window { limit: reply.limit, remaining: 0, reset_at: now + wait });
        }
        Some(wait)
    }

    /// Moves a route to the bucket that its answer names.
    fn named(&mut self, route: &str, reply: &Reply) {
        let Some((name, path)) = reply.bucket.as_ref().zip(route.split(' ').nth(1)) else { return };
        // Each interaction has a limit of its own.
        if path.starts_with("/interactions/") || path.starts_with("/webhooks/") {
            return;
        }
        // The name stands for one limit in every channel: what is used up in one is not in another.
        let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
        let name = format!("{name} {}", path.get(..end).unwrap_or(path));
        if self.key(route) == name {
            return;
        }
        let old = self.key(route).to_owned();
        let old = self.buckets.remove(&old).unwrap_or_default();
        self.buckets.entry(name.clone()).or_default().open += old.open;
        self.shared.insert(route.to_owned(), name);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(remaining: u32, reset_after: u64) -> Reply {
        Reply { status: 200, limit: Some(5), remaining: Some(remaining), reset_after: Some(reset_after), ..Reply::default() }
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

    /// Outbound R2: of a route whose limit is not known one call goes at a time.
    #[test]
    fn an_unknown_limit_is_found_out_by_one() {
        let mut limits = Limits::default();
        assert_eq!((limits.take("a", false, 0), limits.take("a", false, 10)), (Ok(()), Err(UNKNOWN)));
        limits.answered("a", &told(4, 1000), 20);
        limits.left("a");
        let taken = (0..6).map(|_| limits.take("a", false, 30).is_ok()).filter(|taken| *taken).count();
        assert_eq!(taken, 4);
    }

    /// Outbound R2: an answer that was overtaken does not give back what later calls have used.
    #[test]
    fn a_late_answer_gives_nothing_back() {
        let mut limits = Limits::default();
        limits.answered("a", &told(3, 1000), 0);
        for now in [10, 11, 12] {
            assert_eq!(limits.take("a", false, now), Ok(()));
        }
        limits.answered("a", &told(2, 985), 15);
        assert_eq!(limits.take("a", false, 16), Err(984));
        // What is under way when a window ends may count in the next.
        assert_eq!((limits.take("a", false, 1001), limits.take("a", false, 1001)), (Ok(()), Ok(())));
        assert!(limits.take("a", false, 1001).is_err());
    }

    /// Outbound R2: routes that Discord counts together share what is left, in their channel.
    #[test]
    fn routes_share_a_bucket() {
        let mut limits = Limits::default();
        let shared = |remaining| Reply { bucket: Some("abc".to_owned()), ..told(remaining, 1000) };
        for (route, remaining) in [("Put /channels/1/x", 1), ("Delete /channels/1/x", 0), ("Put /channels/2/x", 1)] {
            limits.answered(route, &shared(remaining), 0);
        }
        assert_eq!(limits.take("Put /channels/1/x", false, 10), Err(990));
        assert_eq!(limits.take("Put /channels/2/x", false, 10), Ok(()));
    }

    /// Outbound R2: who leaves room for others waits where the last place is; a limit of one has no room to leave.
    #[test]
    fn room_is_left_for_others() {
        let mut limits = Limits::default();
        assert_eq!(limits.wait("a", 1, 0), 0);
        for (remaining, waits) in [(2, [0, 0]), (1, [0, 1000]), (0, [1000, 1000])] {
            limits.answered(&format!("of {remaining}"), &told(remaining, 1000), 0);
            assert_eq!([0, 1].map(|spare| limits.wait(&format!("of {remaining}"), spare, 0)), waits);
        }
        limits.answered("one", &Reply { limit: Some(1), ..told(1, 1000) }, 0);
        assert_eq!(limits.wait("one", 1, 0), 0);
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
                    limits.left("r");
                }
            }
            for at in &made {
                prop_assert!(made.iter().filter(|other| (**other..**other + 1000).contains(at)).count() <= A_SECOND * 1000);
                prop_assert!(made.iter().filter(|other| *other >= at && **other < at + 1000).count() <= A_SECOND);
            }
        }

        /// Outbound R2: whatever order answers come in, no window of Discord's takes more calls than it has room for.
        #[test]
        fn no_window_has_too_many(steps in prop::collection::vec((0u64..300, 0usize..4), 1..200)) {
            let (mut limits, mut now, mut made) = (Limits::default(), 0u64, Vec::<u64>::new());
            // Calls under way, as Discord will answer them: what was left then, and when the window ends.
            let mut open: Vec<(u32, u64)> = Vec::new();
            for (step, answers) in steps {
                now += step;
                let window = now / 1000;
                if limits.take("r", false, now).is_ok() {
                    made.push(now);
                    let used = u32::try_from(made.iter().filter(|at| **at / 1000 == window).count()).unwrap();
                    prop_assert!(used <= 5, "{used} calls in one window");
                    open.push((5 - used, (window + 1) * 1000));
                }
                for _ in 0..answers.min(open.len()) {
                    let (remaining, end) = open.swap_remove((now as usize) % open.len());
                    if end > now {
                        limits.answered("r", &told(remaining, end - now), now);
                    }
                    limits.left("r");
                }
            }
        }
    }
}

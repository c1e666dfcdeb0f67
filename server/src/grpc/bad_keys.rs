//! How often a peer came with a wrong key. Pure: the instant is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Peers remembered at most; beyond it the oldest windows are forgotten first.
const MOST_PEERS: usize = 4096;

const WINDOW: Duration = Duration::from_secs(60);

/// What is done with a wrong key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The peer is told what is wrong.
    Told,
    /// The peer has to wait. One such refusal of each minute is written to the log: its peers can make as many as they like.
    Waits {
        /// How long.
        wait: Duration,
        /// True for the first.
        first: bool,
    },
}

/// Wrong keys per peer in windows of a minute. gRPC R5.
#[derive(Debug)]
pub(super) struct BadKeys {
    most: u32,
    peers: BTreeMap<String, (Instant, u32)>,
}

impl BadKeys {
    pub(super) const fn new(most: u32) -> Self {
        Self { most, peers: BTreeMap::new() }
    }

    /// Notes a wrong key.
    pub(super) fn note(&mut self, peer: &str, now: Instant) -> Wrong {
        if self.peers.len() >= MOST_PEERS {
            self.forget(now);
        }
        let (begin, count) = self.peers.entry(peer.to_owned()).or_insert((now, 0));
        if now.duration_since(*begin) >= WINDOW {
            (*begin, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count <= self.most {
            return Wrong::Told;
        }
        Wrong::Waits { wait: WINDOW.saturating_sub(now.duration_since(*begin)), first: *count == self.most.saturating_add(1) }
    }

    fn forget(&mut self, now: Instant) {
        self.peers.retain(|_, (begin, _)| now.duration_since(*begin) < WINDOW);
        while self.peers.len() >= MOST_PEERS {
            let oldest = self.peers.iter().min_by_key(|(_, (begin, _))| *begin).map(|(peer, _)| peer.clone());
            let Some(oldest) = oldest else { return };
            self.peers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// gRPC R5: ten wrong keys a minute are told what is wrong, the eleventh has to wait, and only that one is worth a line; a minute later it starts over.
    #[tokio::test(start_paused = true)]
    async fn the_eleventh_wrong_key_waits() {
        let mut keys = BadKeys::new(10);
        let now = Instant::now();
        for _ in 0..10 {
            assert_eq!(keys.note("a", now), Wrong::Told);
        }
        let waits = |seconds, first| Wrong::Waits { wait: Duration::from_secs(seconds), first };
        assert_eq!(keys.note("a", now + Duration::from_secs(20)), waits(40, true));
        assert_eq!(keys.note("a", now + Duration::from_secs(30)), waits(30, false));
        assert_eq!(keys.note("b", now), Wrong::Told);
        assert_eq!(keys.note("a", now + Duration::from_secs(61)), Wrong::Told);
    }

    /// gRPC R5, invariant I-35: however many peers there are, what is remembered is bounded.
    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let mut keys = BadKeys::new(10);
        let now = Instant::now();
        for peer in 0..MOST_PEERS + 500 {
            let _told = keys.note(&peer.to_string(), now);
        }
        assert!(keys.peers.len() <= MOST_PEERS);
        let _told = keys.note("late", now + WINDOW);
        assert_eq!(keys.peers.len(), 1, "those whose minute is over are forgotten first");
    }
}

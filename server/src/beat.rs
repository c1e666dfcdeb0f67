//! Instants that the loops which come round in a fixed time share, so that an idle server sleeps long: what wakes for one of them does the work of
//! all that are due, and loops that matter only while something happens come seldom while nothing does.
//!
//! What the loops do then, and loops that wait for something else, live elsewhere.
//!
//! Spec: specs/server/background.md

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::events::{EventBus, OutputHub};

/// The instant that all beats of this process are counted from.
static BEGIN: OnceLock<Instant> = OnceLock::new();

/// The time between two beats for those that rest while nothing happens.
const RESTING: Duration = Duration::from_secs(60);

/// Tells whether anything happens in this server: an event is committed, or a run is open.
#[derive(Clone)]
pub struct Activity {
    /// Committed events.
    pub bus: EventBus,
    /// The output of runs.
    pub hub: OutputHub,
}

impl Activity {
    /// Nothing happens, and nothing did since event `heard`.
    fn rests(&self, heard: u64) -> bool {
        self.bus.last() <= heard && !self.hub.any_live()
    }
}

/// Comes at once, and then at the instants that all beats of this period share. One that is missed is left out.
pub struct Beat {
    period: Duration,
    /// When it was due last; `None`: it has not come yet.
    last: Option<Instant>,
    /// What makes it rest, and the last event before it came last.
    activity: Option<(Activity, u64)>,
}

impl Beat {
    /// A beat that comes every `period`, of at least a millisecond.
    #[must_use]
    pub const fn every(period: Duration) -> Self {
        Self { period, last: None, activity: None }
    }

    /// A beat that comes every `period` while something happens, every minute while nothing does, and at once when something begins to.
    #[must_use]
    pub const fn while_active(period: Duration, activity: Activity) -> Self {
        Self { period, last: None, activity: Some((activity, 0)) }
    }

    /// Waits for the next beat and says when it was due. Nothing is lost when it is dropped before.
    pub async fn tick(&mut self) -> Instant {
        let begin = *BEGIN.get_or_init(Instant::now);
        let due = match self.last {
            None => Instant::now(),
            Some(last) => self.next(begin, last).await,
        };
        self.last = Some(due);
        if let Some((activity, heard)) = &mut self.activity {
            *heard = activity.bus.last();
        }
        due
    }

    /// Waits for the beat after `last`.
    async fn next(&self, begin: Instant, last: Instant) -> Instant {
        let last = last.max(Instant::now());
        if let Some((activity, heard)) = &self.activity
            && activity.rests(*heard)
        {
            let late = following(begin, RESTING, last);
            tokio::select! {
                () = sleep_until(late) => return late,
                () = activity.bus.moved(*heard) => return Instant::now(),
            }
        }
        let due = following(begin, self.period, last);
        sleep_until(due).await;
        due
    }
}

/// The first beat after `now`. Beats reach back before `begin` too: a clock that tests wind on may have set it.
fn following(begin: Instant, period: Duration, now: Instant) -> Instant {
    let period = period.max(Duration::from_millis(1));
    let part = |time: Duration| Duration::from_nanos(u64::try_from(time.as_nanos() % period.as_nanos()).unwrap_or(0));
    let before = part(begin.saturating_duration_since(now));
    if before.is_zero() { now + (period - part(now.saturating_duration_since(begin))) } else { now + before }
}

#[cfg(test)]
mod tests {
    use aq_core::event::{Event, EventKind};
    use aq_core::ids::{RunRef, TaskId};
    use aq_core::time::Timestamp;

    use super::*;
    use crate::events::OutputLog;

    const SECOND: Duration = Duration::from_secs(1);

    /// background R7: beats of five and of ten seconds that began at different instants come together; one that is missed is left out.
    #[tokio::test(start_paused = true)]
    async fn loops_come_round_together() {
        let (mut short, mut long) = (Beat::every(5 * SECOND), Beat::every(10 * SECOND));
        let first = Instant::now();
        assert_eq!(short.tick().await, first, "the first one comes at once");
        tokio::time::advance(Duration::from_millis(1_234)).await;
        assert_eq!(long.tick().await, Instant::now());
        let together = long.tick().await;
        assert!(together > first && together - first < 12 * SECOND);
        // The short one was due while only the long one was waited for: it left that out, and is in step from here on.
        assert_eq!(short.tick().await, together + 5 * SECOND);
        assert_eq!(short.tick().await, together + 10 * SECOND);
        tokio::time::advance(27 * SECOND).await;
        assert_eq!(long.tick().await, together + 40 * SECOND);
        assert_eq!(short.tick().await, together + 45 * SECOND);
    }

    /// background R7: what rests while nothing happens comes every minute then, at once when something does, and in its own time while
    /// more does or a run is open.
    #[tokio::test(start_paused = true)]
    async fn a_beat_rests_while_nothing_happens() {
        let folder = tempfile::tempdir().unwrap();
        let hub = OutputHub::new(OutputLog::open(folder.path()).unwrap());
        let activity = Activity { bus: EventBus::new(7), hub };
        let (mut resting, mut minute) = (Beat::while_active(5 * SECOND, activity.clone()), Beat::every(60 * SECOND));
        resting.tick().await;
        minute.tick().await;
        let next = minute.tick().await;
        let late = resting.tick().await;
        assert_eq!(late, next + 60 * SECOND, "it was not waited for until now");
        // An event that comes while it rests.
        let (waited, ()) = tokio::join!(resting.tick(), async {
            tokio::time::sleep(21 * SECOND).await;
            activity.bus.publish(vec![event(8)]);
        });
        // Timers are exact to a millisecond.
        assert!(waited - late >= 21 * SECOND && waited - late < 21 * SECOND + SECOND / 100, "{:?}", waited - late);
        activity.bus.publish(vec![event(9)]);
        assert_eq!(resting.tick().await, late + 25 * SECOND);
        assert_eq!(resting.tick().await, late + 60 * SECOND, "nothing happened since");
        // A run that is open all the time, without an event.
        let run = RunRef { task: TaskId::parse("vivid-apex").unwrap(), number: 1 };
        activity.hub.begin(&run).unwrap();
        assert_eq!(resting.tick().await, late + 65 * SECOND);
        assert_eq!(resting.tick().await, late + 70 * SECOND);
        activity.hub.end(&run).unwrap();
        assert_eq!(resting.tick().await, late + 120 * SECOND);
    }

    fn event(seq: u64) -> Event {
        let (at, payload) = (Timestamp::from_millis(0), serde_json::Value::Null);
        Event { seq, at, kind: EventKind::TaskReady, project: None, task: None, run: None, agent: None, payload }
    }

    /// background R7: one that is dropped while it waits comes when it would have come.
    #[tokio::test(start_paused = true)]
    async fn a_beat_that_is_dropped_is_not_lost() {
        let mut beat = Beat::every(10 * SECOND);
        beat.tick().await;
        let due = following(*BEGIN.get().unwrap(), 10 * SECOND, Instant::now());
        tokio::time::timeout((due - Instant::now()) / 2, beat.tick()).await.unwrap_err();
        assert_eq!(beat.tick().await, due);
    }
}

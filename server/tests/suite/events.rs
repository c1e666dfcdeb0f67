//! What subscribers of events are told: the bus and its cursors. The output of runs is tested in `output`.

use aq_core::event::{EventFilter, EventKind};
use aq_server::clock::Clock as _;
use aq_server::commands::CommandError;
use aq_server::events::{EventBus, EventFeed};
use aq_server::lifecycle::{Subject, announce};
use aq_server::store::events;

use crate::harness::Harness;

async fn say(server: &Harness, kind: EventKind, count: usize) {
    let now = server.clock.now();
    server
        .engine
        .submit(move |tx| {
            for number in 0..count {
                announce(tx, kind, now, Subject::default(), serde_json::json!({ "number": number }))?;
            }
            Ok::<_, aq_server::lifecycle::LifecycleError>(())
        })
        .await
        .unwrap();
}

async fn all_ready(feed: &mut EventFeed) -> Vec<(u64, EventKind)> {
    let mut seen = Vec::new();
    loop {
        let page = feed.ready().await.unwrap();
        if page.is_empty() {
            return seen;
        }
        seen.extend(page.iter().map(|event| (event.seq, event.kind)));
    }
}

/// F-132, events R2, R3, R4: a subscriber replays from its cursor, then follows, and gets only what it asked for; its cursor moves on regardless.
#[tokio::test]
async fn a_subscriber_replays_then_follows() {
    let server = Harness::start().await;
    say(&server, EventKind::TaskCreated, 3).await;
    say(&server, EventKind::ProjectUpdated, 4).await;
    say(&server, EventKind::TaskCompleted, 2).await;
    let filters = vec![EventFilter::read("task.*").unwrap()];
    let mut tasks = server.bus.feed(server.reader.clone(), 1, filters);
    let mut all = server.bus.feed(server.reader.clone(), 0, Vec::new());
    let created = EventKind::TaskCreated;
    assert_eq!(all_ready(&mut tasks).await, [(2, created), (3, created), (8, EventKind::TaskCompleted), (9, EventKind::TaskCompleted)]);
    assert_eq!(all_ready(&mut all).await.len(), 9);
    let mut none = server.bus.feed(server.reader.clone(), 0, vec![EventFilter::read("git.*").unwrap()]);
    assert!(none.ready().await.unwrap().is_empty());
    assert_eq!(none.cursor(), 9, "what does not match is passed, not looked at again");
    let waiting = tokio::spawn(async move {
        tasks.changed().await;
        all_ready(&mut tasks).await
    });
    say(&server, created, 1).await;
    assert_eq!(waiting.await.unwrap(), [(10, created)]);
    assert_eq!(server.bus.last(), 10);
}

/// Events R1: an event of a command that failed was never there, and leaves no hole.
#[tokio::test]
async fn failed_commands_say_nothing() {
    let server = Harness::start().await;
    say(&server, EventKind::TaskCreated, 1).await;
    let refused = server
        .command(|tx, context| {
            announce(tx, EventKind::TaskDeleted, context.now, Subject::default(), serde_json::json!({}))?;
            Err::<(), _>(CommandError::Denied("no".into()))
        })
        .await;
    assert!(refused.is_err());
    say(&server, EventKind::TaskCompleted, 1).await;
    let mut feed = server.bus.feed(server.reader.clone(), 0, Vec::new());
    assert_eq!(all_ready(&mut feed).await, [(1, EventKind::TaskCreated), (2, EventKind::TaskCompleted)]);
}

/// Events R3, R5: a subscriber behind what memory keeps reads the store, from any place, without a gap; so does one after a restart.
#[tokio::test]
async fn subscribers_far_behind_read_the_store() {
    let server = Harness::start().await;
    let mut slow = server.bus.feed(server.reader.clone(), 0, Vec::new());
    for _ in 0..5 {
        say(&server, EventKind::ProjectUpdated, 1000).await;
    }
    let numbers = |seen: Vec<(u64, EventKind)>| seen.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>();
    assert_eq!(numbers(all_ready(&mut slow).await), (1..=5000).collect::<Vec<_>>());
    for cursor in [1, 500, 903, 904, 905, 4999, 5000] {
        let mut feed = server.bus.feed(server.reader.clone(), cursor, Vec::new());
        assert_eq!(numbers(all_ready(&mut feed).await), (cursor + 1..=5000).collect::<Vec<_>>(), "after {cursor}");
    }
    let server = server.restart().await;
    say(&server, EventKind::ProjectUpdated, 1).await;
    let mut feed = server.bus.feed(server.reader.clone(), 4990, Vec::new());
    assert_eq!(numbers(all_ready(&mut feed).await), (4991..=5001).collect::<Vec<_>>());
}

/// Events R6: what retention removed is passed over; the subscriber sees the gap in the numbers, and new numbers go on after the old ones.
#[tokio::test]
async fn retention_leaves_a_gap_that_shows() {
    let server = Harness::start().await;
    say(&server, EventKind::TaskCreated, 10).await;
    server.clock.advance(1_000);
    say(&server, EventKind::TaskCreated, 5).await;
    let now = server.clock.now();
    let removed = server.engine.submit(move |tx| events::remove_before(tx.db, now)).await.unwrap();
    assert_eq!(removed, 10);
    let bus = EventBus::new(15);
    let mut feed = bus.feed(server.reader.clone(), 3, Vec::new());
    assert_eq!(all_ready(&mut feed).await.first().unwrap().0, 11);
    assert_eq!(feed.cursor(), 15);
    // Even when everything is old, the newest stays: numbers never start again.
    server.clock.advance(1_000);
    let now = server.clock.now();
    server.engine.submit(move |tx| events::remove_before(tx.db, now)).await.unwrap();
    let server = server.restart().await;
    assert_eq!(server.bus.last(), 15);
    say(&server, EventKind::TaskCreated, 1).await;
    assert_eq!(server.bus.last(), 16);
}

//! The whole week, ours beside the original.

use std::collections::BTreeSet;
use std::sync::Arc;

use aq_core::time::Timestamp;
use aq_server::clock::ManualClock;

use super::original::original;
use super::people::needs_help;
use super::play::Week;
use super::provider::{ACCOUNTS, AGENTS, HOUR, offered};
use super::trace::{TASKS, Work, trace};
use crate::harness::{Harness, policy};

/// The tasks that cannot end without a person, and those that wait for them.
fn held(work: &[Work], needs_help: impl Fn(&Work) -> bool) -> BTreeSet<usize> {
    let mut held = BTreeSet::new();
    for (number, one) in work.iter().enumerate() {
        if needs_help(one) || one.after.iter().any(|other| held.contains(other)) {
            held.insert(number);
        }
    }
    held
}

fn hours(millis: i64) -> f64 {
    millis as f64 / HOUR as f64
}

/// F-054, F-072, F-073, F-074, limits R1–R7, D-15: five projects, 200 tasks, three plans with windows of five hours and of seven days, failures, questions
/// answered late or never, a kill and a restart of the server. Every task ends or names its human act; nothing starts on a used-up account; the windows
/// are used up; the first token comes within three seconds of a reset.
#[tokio::test(start_paused = true)]
async fn a_week_of_work_ends_and_uses_its_windows_up() {
    // While something blocks, tokio's clock moves only when it is told to.
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let held_clock = tokio::task::spawn_blocking(move || hold.recv().unwrap_err());
    let work = trace(7);
    let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
    let mut week = Week::new(Harness::start_with(home, clock, policy()).await, work.clone()).await;
    week.settle().await;

    let goes_by_itself = TASKS - held(&work, needs_help).len();
    let mut ends = vec![(100 * HOUR, false), (30 * HOUR, true)];
    let (mut dry_at, mut kept) = (0, 0);
    while week.step().await {
        if let Some((_, killed)) = ends.pop_if(|(at, _)| *at <= week.now()) {
            week.again(killed).await;
        }
        if dry_at == 0 && week.done() + ACCOUNTS * AGENTS >= goes_by_itself {
            (dry_at, kept) = (week.now(), week.kept());
        }
    }
    let ended_at = week.now();
    let waiting = week.wait_for_people().await;
    let blocked = waiting.values().filter(|act| !act.is_empty() && *act != "answer").count();
    // While there is work for every agent, a window is used again as soon as it may be.
    let gaps: Vec<_> =
        week.plans.iter().flat_map(|plan| plan.gaps.clone()).filter(|(reset, _)| *reset < dry_at).map(|(_, gap)| gap).collect();
    let longest = gaps.iter().copied().max().unwrap_or(0) as f64 / 1_000.0;

    let useful = kept as f64 / offered(dry_at);
    println!("policy                 useful  queue dry h  done  blocked");
    for (name, shipped) in [("original, specified", false), ("original, shipped", true)] {
        let theirs = original(&work, shipped, &held(&work, |work| work.fails.len() >= 3));
        let useful = theirs.kept as f64 / offered(theirs.dry_at);
        println!("{name:<22} {useful:>6.3} {:>12.1} {:>5} {:>8}", hours(theirs.dry_at), theirs.done, theirs.blocked);
        assert!(!shipped || theirs.blocked > 80, "{theirs:?}");
    }
    println!("{:<22} {useful:>6.3} {:>12.1} {:>5} {blocked:>8}", "ours", hours(dry_at), week.done());
    println!("ours: {} starts, {} resets, longest wait for the first token after one {longest:.1} s", week.launches, gaps.len());
    println!("waiting for people after {:.1} h: {waiting:?}", hours(ended_at));

    assert_eq!(week.launches_exhausted, 0);
    assert!(useful >= 0.96 && longest <= 3.0, "{useful} {longest}");
    println!(
        "score: week: {useful:.3} of what the windows offered, 0 starts on an exhausted account; {TASKS} tasks, {} resets, at most {longest:.1} s to the \
         first token after one",
        gaps.len()
    );
    assert_eq!(week.done(), TASKS - waiting.len());

    week.help(&waiting).await;
    while week.step().await {}
    assert_eq!(week.done(), TASKS, "{:?}", week.wait_for_people().await);
    drop(release);
    held_clock.await.unwrap();
}

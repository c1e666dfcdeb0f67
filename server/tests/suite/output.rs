//! The output of runs: the log on disk, and the followers of a run. Events are tested in `events`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aq_core::ids::{RunRef, TaskId};
use aq_core::output::{OutputBody, OutputItem};
use aq_core::runner_link::{RunOutcome, RunReport};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use aq_server::clock::Clock as _;
use aq_server::events::{OutputError, OutputHub, OutputLog};
use proptest::prelude::*;

use crate::harness::Harness;

fn run(number: u32) -> RunRef {
    RunRef { task: TaskId::from_trusted("bold-fern"), number }
}

fn item(seq: u64, text: &str) -> OutputItem {
    OutputItem { seq, at: Timestamp::from_millis(1_000), body: OutputBody::Text { text: text.to_owned() } }
}

fn items(seqs: std::ops::RangeInclusive<u64>) -> Vec<OutputItem> {
    seqs.map(|seq| item(seq, &format!("item {seq}"))).collect()
}

fn text(item: &pb::OutputItem) -> String {
    match &item.body {
        Some(pb::output_item::Body::Text(of)) => of.text.clone(),
        other => panic!("{other:?}"),
    }
}

fn stored(log: &OutputLog, run: &RunRef, after: u64) -> Vec<(u64, String)> {
    log.read(run, after, usize::MAX, u64::MAX).unwrap().iter().map(|item| (item.seq, text(item))).collect()
}

fn file(folder: &Path, run: &RunRef) -> PathBuf {
    folder.join(format!("{}.out", run.folder()))
}

/// Events R10, R11: what was appended is read from every number on, before and after the file is opened again.
#[test]
fn output_is_read_from_every_number() {
    let folder = tempfile::tempdir().unwrap();
    let log = OutputLog::open(folder.path()).unwrap();
    let run = run(1);
    for first in (1..=200).step_by(10) {
        log.append(&run, &items(first..=first + 9)).unwrap();
    }
    let reopened = OutputLog::open(folder.path()).unwrap();
    for log in [&log, &reopened] {
        assert_eq!(log.last_seq(&run).unwrap(), 200);
        for after in 0..=201 {
            let expected: Vec<_> = (after + 1..=200).map(|seq| (seq, format!("item {seq}"))).collect();
            assert_eq!(stored(log, &run, after), expected, "after {after}");
        }
        let page = log.read(&run, 63, 3, u64::MAX).unwrap();
        assert_eq!(page.iter().map(|item| item.seq).collect::<Vec<_>>(), [64, 65, 66]);
    }
    assert_eq!(log.bytes(&run).unwrap(), std::fs::metadata(file(folder.path(), &run)).unwrap().len());
}

/// Events R12: a repeated report changes nothing, a report that skips items is refused whole and names the missing one.
#[test]
fn repeats_are_skipped_and_holes_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = OutputLog::open(folder.path()).unwrap();
    let run = run(1);
    assert_eq!(log.append(&run, &items(1..=5)).unwrap().len(), 5);
    assert!(log.append(&run, &items(2..=4)).unwrap().is_empty());
    assert_eq!(log.append(&run, &items(4..=7)).unwrap().len(), 2);
    let bytes = log.bytes(&run).unwrap();
    let Err(OutputError::Hole { expected: 8, found: 9, .. }) = log.append(&run, &items(9..=9)) else { panic!("a hole was accepted") };
    let within = [item(8, "a"), item(10, "b")];
    let Err(OutputError::Hole { expected: 9, found: 10, .. }) = log.append(&run, &within) else { panic!("a hole was accepted") };
    assert_eq!((log.bytes(&run).unwrap(), log.last_seq(&run).unwrap()), (bytes, 7));
    log.append(&run, &items(8..=8)).unwrap();
    assert_eq!(stored(&log, &run, 6), [(7, "item 7".into()), (8, "item 8".into())]);
}

/// Events R10, reliability I-31: nobody else may read what an agent said.
#[test]
fn output_files_belong_to_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = OutputLog::open(folder.path()).unwrap();
    log.append(&run(1), &items(1..=1)).unwrap();
    let mode = std::fs::metadata(file(folder.path(), &run(1))).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Events R13: a file cut within its last record, at whatever byte, loses that record and nothing else, and goes on from there.
#[test]
fn a_torn_tail_is_cut_and_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (original, run) = (OutputLog::open(folder.path()).unwrap(), run(1));
    original.append(&run, &items(1..=2)).unwrap();
    let whole = usize::try_from(original.bytes(&run).unwrap()).unwrap();
    original.append(&run, &[item(3, "the last words")]).unwrap();
    original.close(&run).unwrap();
    let path = file(folder.path(), &run);
    let bytes = std::fs::read(&path).unwrap();
    let expected = stored(&original, &run, 0);
    for cut in whole..bytes.len() {
        let mut torn: Vec<Vec<u8>> = vec![bytes[..cut].to_vec()];
        // After a power cut the space may have been given without its bytes: zeros up to the length, or beyond it.
        for length in [bytes.len(), bytes.len() + 4096] {
            let mut zeros = bytes[..cut].to_vec();
            zeros.resize(length, 0);
            torn.push(zeros);
        }
        let mut damaged = bytes.clone();
        damaged[cut] ^= 0x40;
        torn.push(damaged);
        for (kind, content) in torn.iter().enumerate() {
            if content.starts_with(&bytes) {
                continue;
            }
            std::fs::write(&path, content).unwrap();
            let log = OutputLog::open(folder.path()).unwrap();
            assert_eq!(log.last_seq(&run).unwrap(), 2, "cut at {cut}, kind {kind}");
            assert_eq!(std::fs::metadata(&path).unwrap().len(), whole as u64);
            log.append(&run, &[item(3, "the last words")]).unwrap();
            assert_eq!(stored(&log, &run, 0), expected);
        }
    }
}

/// Events R13: zeros behind whole records are no records.
#[test]
fn zeros_are_no_items() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(1);
    let log = OutputLog::open(folder.path()).unwrap();
    log.append(&run, &items(1..=3)).unwrap();
    log.close(&run).unwrap();
    let path = file(folder.path(), &run);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.resize(bytes.len() + 512, 0);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(log.last_seq(&run).unwrap(), 3);
    log.append(&run, &items(4..=4)).unwrap();
    assert_eq!(stored(&log, &run, 2).len(), 2);
}

/// Events R14: reading the output of many ended runs keeps a bounded number of files open.
#[test]
fn old_output_does_not_use_up_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let log = OutputLog::open(folder.path()).unwrap();
    for number in 1..=400 {
        log.append(&run(number), &items(1..=2)).unwrap();
        log.close(&run(number)).unwrap();
    }
    for number in (1..=400).chain(1..=400) {
        assert_eq!(log.last_seq(&run(number)).unwrap(), 2);
    }
    let open = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter(|entry| std::fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|path| path.starts_with(folder.path())))
        .count();
    assert!(open <= 256, "{open} files are open");
}

/// Events R14: a removed run has no output, and its number may start anew.
#[test]
fn removed_output_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let log = OutputLog::open(folder.path()).unwrap();
    log.append(&run(1), &items(1..=3)).unwrap();
    log.remove(&run(1)).unwrap();
    log.remove(&run(1)).unwrap();
    assert!(!file(folder.path(), &run(1)).exists());
    assert_eq!(log.last_seq(&run(1)).unwrap(), 0);
}

/// What may happen to a run's file.
#[derive(Clone, Debug)]
enum Step {
    /// A report of so many items, of which so many are repeated.
    Report(u64, u64, usize),
    /// The server ends in good order and starts again.
    Reopen,
    /// A power cut leaves this part (of 1000) of the file behind.
    Cut(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..20, 0_u64..5, 0_usize..300).prop_map(|(new, again, length)| Step::Report(new, again, length)),
        1 => Just(Step::Reopen),
        1 => (0_usize..=1000).prop_map(Step::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Events R10–R13: whatever happens, the log holds a beginning of what was reported, without holes, and takes up the rest.
    #[test]
    fn the_log_is_always_a_beginning(steps in prop::collection::vec(step(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let run = run(1);
        let content = |seq: u64, length: usize| format!("{seq}:{}", "x".repeat(length));
        let mut log = OutputLog::open(folder.path()).unwrap();
        let mut model: Vec<String> = Vec::new();
        for step in steps {
            match step {
                Step::Report(new, again, length) => {
                    let known = model.len() as u64;
                    let first = known.saturating_sub(again) + 1;
                    let report: Vec<_> = (first..=known + new)
                        .map(|seq| {
                            let known = usize::try_from(seq - 1).ok().and_then(|index| model.get(index)).cloned();
                            item(seq, &known.unwrap_or_else(|| content(seq, length)))
                        })
                        .collect();
                    prop_assert_eq!(log.append(&run, &report).unwrap().len() as u64, new);
                    model.extend((known + 1..=known + new).map(|seq| content(seq, length)));
                }
                Step::Reopen => {
                    prop_assert!(log.sync().is_empty());
                    log = OutputLog::open(folder.path()).unwrap();
                }
                Step::Cut(part) => {
                    let path = file(folder.path(), &run);
                    if let Ok(bytes) = std::fs::read(&path) {
                        std::fs::write(&path, &bytes[..bytes.len() * part / 1000]).unwrap();
                    }
                    log = OutputLog::open(folder.path()).unwrap();
                    let kept = usize::try_from(log.last_seq(&run).unwrap()).unwrap();
                    prop_assert!(kept <= model.len());
                    model.truncate(kept);
                }
            }
            let expected: Vec<_> = model.iter().enumerate().map(|(index, text)| (index as u64 + 1, text.clone())).collect();
            prop_assert_eq!(stored(&log, &run, 0), expected);
        }
    }
}

/// Events R15: a follower gets what is there, waits, gets what comes, and ends with the run.
#[tokio::test]
async fn a_follower_lives_as_long_as_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let hub = OutputHub::new(OutputLog::open(folder.path()).unwrap());
    let run = run(1);
    hub.begin(&run).unwrap();
    let mut feed = hub.feed(run.clone(), 0);
    assert!(feed.ready().await.unwrap().is_empty());
    assert!(!feed.ended(), "a run that said nothing yet is not over");
    hub.append(&run, &items(1..=3)).unwrap();
    feed.changed().await;
    assert_eq!(feed.ready().await.unwrap().len(), 3);
    assert_eq!(feed.cursor(), 3);
    let waiting = tokio::spawn(async move {
        feed.changed().await;
        feed
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    hub.append(&run, &items(4..=4)).unwrap();
    hub.end(&run).unwrap();
    let mut feed = waiting.await.unwrap();
    assert!(!feed.ended(), "the last item is still to come");
    assert_eq!(feed.ready().await.unwrap().len(), 1);
    assert!(feed.ended());
    // Afterwards there is only the file.
    let mut late = hub.feed(run, 2);
    assert_eq!(late.ready().await.unwrap().iter().map(|item| item.seq).collect::<Vec<_>>(), [3, 4]);
    assert!(late.ready().await.unwrap().is_empty() && late.ended());
}

async fn to_the_end(hub: &OutputHub, run: RunRef, after: u64) -> Vec<u64> {
    let mut feed = hub.feed(run, after);
    let mut seen = Vec::new();
    loop {
        let page = feed.ready().await.unwrap();
        if page.is_empty() {
            if feed.ended() {
                return seen;
            }
            feed.changed().await;
        }
        seen.extend(page.iter().map(|item| item.seq));
    }
}

/// Events R16: followers that are behind what memory keeps read the file, from any place, without a gap.
#[tokio::test]
async fn followers_far_behind_read_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let hub = OutputHub::new(OutputLog::open(folder.path()).unwrap());
    let run = run(1);
    hub.begin(&run).unwrap();
    for first in (1..=3000).step_by(100) {
        hub.append(&run, &items(first..=first + 99)).unwrap();
    }
    // Few but long items overflow the bytes, not the number.
    for seq in 3001..=3010 {
        hub.append(&run, &[item(seq, &"x".repeat(100_000))]).unwrap();
    }
    for after in [0, 1, 1500, 2488, 2999, 3000, 3007, 3009, 3010] {
        let mut feed = hub.feed(run.clone(), after);
        let mut seen = Vec::new();
        loop {
            let page = feed.ready().await.unwrap();
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|item| item.seq));
        }
        assert!(!feed.ended());
        assert_eq!(seen, (after + 1..=3010).collect::<Vec<_>>());
    }
    hub.end(&run).unwrap();
    assert_eq!(to_the_end(&hub, run, 0).await, (1..=3010).collect::<Vec<_>>());
}

/// Events R15, R16: many followers beside a busy writer: nobody misses an item or sees one twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_followers_see_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let hub = OutputHub::new(OutputLog::open(folder.path()).unwrap());
    let run = run(1);
    hub.begin(&run).unwrap();
    let followers: Vec<_> = (0..50_u64)
        .map(|number| {
            let (hub, run) = (hub.clone(), run.clone());
            tokio::spawn(async move { (number * 7, to_the_end(&hub, run, number * 7).await) })
        })
        .collect();
    for first in (1..=2000).step_by(8) {
        hub.append(&run, &items(first..=first + 7)).unwrap();
        tokio::task::yield_now().await;
    }
    hub.end(&run).unwrap();
    for follower in followers {
        let (after, seen) = follower.await.unwrap();
        assert_eq!(seen, (after + 1..=2000).collect::<Vec<_>>());
    }
}

/// Events R17, runner link R3: output of a run that is over is acknowledged and changes nothing.
#[tokio::test]
async fn output_after_the_end_is_ignored() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    server.task(&project, "x", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let at = server.clock.now();
    let note = |seq| OutputItem { seq, at, body: OutputBody::Note { text: "hello".into() } };
    server.report(&order.run, RunReport::Output { items: vec![note(1)] }).await;
    assert!(server.hub.is_live(&order.run));
    let outcome = RunOutcome::Failed { class: aq_core::output::FailureClass::Agent, message: "no".into() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    assert!(!server.hub.is_live(&order.run));
    server.report(&order.run, RunReport::Output { items: vec![note(2)] }).await;
    assert!(!server.hub.is_live(&order.run), "nobody would ever end its followers");
    assert_eq!(server.hub.log().last_seq(&order.run).unwrap(), 1);
}

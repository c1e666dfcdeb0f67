//! Output: floods, long lines, garbage, torn tails, following and acknowledging (goal G13).
//!
//! Spec: specs/server/runner/spool.md

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use aq_runner::process::clock::monotonic;
use aq_runner::spool::{CHUNK_BYTES, MAX_LINE_BYTES, RawKind, Reader};

use crate::bench::{Bench, eventually, read_until, wait, within};

fn folder_size(path: &Path) -> u64 {
    fs::read_dir(path).unwrap().flatten().map(|entry| entry.metadata().unwrap().len()).sum()
}

/// Highest resident memory of a process so far, in KiB.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// G13, spool R4: one line of 100 MiB keeps its beginning, counts its rest, and costs no memory.
#[tokio::test]
async fn one_endless_line() {
    let bench = Bench::new();
    let size = 100 * 1024 * 1024_u64;
    let spec = bench.spec(&format!("head -c {size} /dev/zero | tr '\\0' x; echo; echo ready; read forever; echo after"));
    let mut spec = spec;
    spec.stdin = aq_runner::shim::StdinMode::Held;
    let shim = bench.launch(&spec).await;
    let before = read_until(&mut bench.reader(), "ready").await;
    assert!(peak_memory(shim.pid()) < 32 * 1024, "{} KiB", peak_memory(shim.pid()));
    assert_eq!(before.len(), 1);
    assert!(before[0].truncated);
    assert_eq!((before[0].bytes.len(), before[0].dropped), (MAX_LINE_BYTES, size - MAX_LINE_BYTES as u64));
    shim.close_stdin().await.unwrap();
    let exit = wait(&shim).await;
    assert_eq!(exit.dropped_bytes, size - MAX_LINE_BYTES as u64);
}

/// G13, spool R6: a flood stays within its limit on disk, the agent is never held up, the last words are kept.
#[tokio::test]
async fn a_flood_is_bounded() {
    let bench = Bench::new();
    let mut spec =
        bench.spec("yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 268435456; echo; echo the result");
    spec.limits.output_bytes = 20 * 1024 * 1024;
    let exit = bench.run(&spec).await;
    assert_eq!(exit.exit_code, Some(0));
    let on_disk = folder_size(&bench.folder().join("spool"));
    assert!(on_disk < 36 * 1024 * 1024, "{on_disk}");
    let lines = bench.lines().await;
    assert_eq!(lines.last().unwrap().text(), "the result");
    let gaps: u64 = lines.iter().filter(|line| line.kind == RawKind::Gap).map(|line| line.dropped).sum();
    assert_eq!(gaps, exit.dropped_bytes);
    let kept: u64 = lines.iter().filter(|line| line.kind == RawKind::Stdout).map(|line| line.bytes.len() as u64 + 1).sum();
    assert_eq!(kept + gaps, 268_435_456 + "\nthe result\n".len() as u64);
}

/// G13, spool R3: bytes that are no text arrive as they are; empty lines and a missing last line feed, too.
#[tokio::test]
async fn garbage_is_kept() {
    let bench = Bench::new();
    let exit = bench.run(&bench.spec("printf 'a\\377\\376\\r\\n\\n\\0b'")).await;
    assert_eq!(exit.exit_code, Some(0));
    let lines = bench.lines().await;
    let bytes: Vec<&[u8]> = lines.iter().map(|line| line.bytes.as_slice()).collect();
    assert_eq!(bytes, [b"a\xff\xfe\r".as_slice(), b"", b"\0b"]);
    assert_eq!(lines[0].text(), "a\u{fffd}\u{fffd}");
}

/// Spool R2, R7: reading resumes at any record, a torn tail is ignored, acknowledged chunks go and the rest stays readable.
#[tokio::test]
async fn resumes_acknowledges_and_survives_a_torn_tail() {
    let bench = Bench::new();
    // 24 MiB in lines of 64 KiB: at least three chunks.
    let script = "i=0; while [ $i -lt 384 ]; do printf '%065535d\\n' $i; i=$((i+1)); done";
    assert_eq!(bench.run(&bench.spec(script)).await.exit_code, Some(0));
    let spool = bench.folder().join("spool");
    let chunks = || fs::read_dir(&spool).unwrap().count();
    assert!(chunks() >= 3 && fs::metadata(spool.join("00000.log")).unwrap().len() <= CHUNK_BYTES);
    let last = spool.join(format!("{:05}.log", chunks() - 1));
    OpenOptions::new().append(true).open(&last).unwrap().write_all(b"AQS1\x01 and then the power went").unwrap();

    let all = bench.lines().await;
    assert_eq!(all.len(), 384);
    let number = |line: &aq_runner::spool::RawLine| line.text().trim_start_matches('0').parse::<usize>().unwrap_or(0);
    assert!(all.iter().enumerate().all(|(at, line)| number(line) == at));
    for at in [0, 100, 200, 382] {
        let mut reader = Reader::open(&bench.folder(), all[at].offset_after).unwrap();
        let next = within(reader.next_batch(1)).await.unwrap();
        assert_eq!(number(&next[0]), at + 1);
    }
    let mut reader = bench.reader();
    let before = chunks();
    reader.ack(all[100].offset_after).unwrap();
    assert_eq!(chunks(), before, "a chunk that is not read to its end stays");
    reader.ack(all[200].offset_after).unwrap();
    assert_eq!(chunks(), before - 1);
    reader.ack(all[383].offset_after).unwrap();
    assert_eq!(chunks(), 1, "the newest chunk stays");
    let rest = bench.lines().await;
    assert_eq!(number(rest.last().unwrap()), 383);
    let mut reader = Reader::open(&bench.folder(), all[383].offset_after).unwrap();
    assert!(within(reader.next_batch(10)).await.unwrap().is_empty());
}

/// Spool R8: a line is in the reader's hands within milliseconds of being read by the shim.
#[tokio::test]
async fn follows_quickly() {
    let bench = Bench::new();
    let mut spec = bench.spec("while read line; do echo $line; done");
    spec.stdin = aq_runner::shim::StdinMode::Held;
    let shim = bench.launch(&spec).await;
    let mut reader = bench.reader();
    let mut trips = Vec::new();
    for number in 0..101 {
        let text = format!("line{number}");
        let started = monotonic();
        shim.send_stdin(&text, format!("{text}\n").as_bytes()).await.unwrap();
        read_until(&mut reader, &text).await;
        trips.push(monotonic() - started);
    }
    trips.sort_unstable();
    println!("round trips: p50 {:?}, p99 {:?}", trips[50], trips[99]);
    // A round trip holds the delay to be shown and more; the bound leaves room for a busy machine.
    assert!(trips[50] < Duration::from_millis(20), "{:?}", trips[50]);
    shim.close_stdin().await.unwrap();
    wait(&shim).await;
    assert!(within(reader.next_batch(1)).await.unwrap().is_empty());
}

/// Spool R5: a disk that takes nothing costs lines, which are counted, and nothing else.
#[tokio::test]
async fn a_failing_disk_does_not_end_the_run() {
    let bench = Bench::new();
    // More than a pipe holds: when the flag is there, most of it was read and could not be written.
    let mut spec = bench.spec("read x; yes lost | head -c 2000000; touch flag; read y; echo three");
    spec.stdin = aq_runner::shim::StdinMode::Held;
    let shim = bench.launch(&spec).await;
    let spool = bench.folder().join("spool");
    fs::remove_dir(&spool).unwrap();
    shim.send_stdin("x", b"\n").await.unwrap();
    eventually("the agent goes on", || bench.home.path().join("flag").exists()).await;
    fs::create_dir(&spool).unwrap();
    shim.send_stdin("y", b"\n").await.unwrap();
    let exit = wait(&shim).await;
    assert_eq!(exit.exit_code, Some(0));
    assert!(exit.dropped_bytes > 1_000_000, "{}", exit.dropped_bytes);
    let lines = bench.lines().await;
    assert_eq!(lines[0].kind, RawKind::Gap);
    assert_eq!(lines.last().unwrap().text(), "three");
    let kept: u64 = lines.iter().filter(|line| line.kind == RawKind::Stdout).map(|line| line.bytes.len() as u64 + 1).sum();
    assert_eq!(kept + exit.dropped_bytes, 2_000_000 + "three\n".len() as u64);
}

/// Shim R9: a stranger that holds the agent's output open does not hold up the end for long.
#[tokio::test]
async fn a_held_pipe_does_not_hang_the_end() {
    let bench = Bench::new();
    let spec = bench.spec("echo $$ ready; read x; exit 0");
    let mut spec = spec;
    spec.stdin = aq_runner::shim::StdinMode::Held;
    let shim = bench.launch(&spec).await;
    let stdout = format!("/proc/{}/fd/1", shim.run_file().agent.pid);
    let mut reader = bench.reader();
    within(reader.next_batch(1)).await.unwrap();
    // We are the stranger.
    let holder = OpenOptions::new().write(true).open(stdout).unwrap();
    shim.send_stdin("x", b"\n").await.unwrap();
    let exit = tokio::time::timeout(Duration::from_secs(5), shim.wait()).await.unwrap().unwrap();
    assert_eq!(exit.exit_code, Some(0));
    drop(holder);
    eventually("the shim is gone", || !shim.run_file().is_shim_alive()).await;
}

//! The control socket: input in order and once, keys and epochs, stopping, re-attaching.
//!
//! Spec: specs/server/runner/shim.md

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use aq_runner::process::clock::monotonic;
use aq_runner::shim::{Attachment, Refusal, RunFolder, Shim, ShimProgram, ShimSpec, StdinMode, StdinReceipt, TalkError, launch};
use aq_runner::spool::RawKind;

use crate::bench::{Bench, eventually, program, read_until, texts, wait, within};

fn held(bench: &Bench, script: &str) -> ShimSpec {
    let mut spec = bench.spec(script);
    spec.stdin = StdinMode::Held;
    spec
}

async fn attach_alive(bench: &Bench, epoch: u64) -> Shim {
    match bench.attach(epoch).await {
        Attachment::Alive(shim) => *shim,
        other => panic!("not alive: {other:?}"),
    }
}

/// Shim R5: input arrives once per id and in order, also over a new connection of a later server; closing ends it.
#[tokio::test]
async fn input_is_ordered_and_delivered_once() {
    let bench = Bench::new();
    let shim = bench.launch(&held(&bench, "cat; until test -e refused; do sleep 0.02; done; echo end")).await;
    assert_eq!(shim.send_stdin("a", b"1\n").await.unwrap(), StdinReceipt::Accepted);
    assert_eq!(shim.send_stdin("b", b"2\n").await.unwrap(), StdinReceipt::Accepted);
    assert_eq!(shim.send_stdin("a", b"1\n").await.unwrap(), StdinReceipt::Duplicate);
    drop(shim);
    let shim = attach_alive(&bench, 8).await;
    assert_eq!(shim.send_stdin("b", b"2\n").await.unwrap(), StdinReceipt::Duplicate);
    assert_eq!(shim.send_stdin("c", b"3\n").await.unwrap(), StdinReceipt::Accepted);
    assert!(shim.is_agent_alive().await.unwrap());
    shim.close_stdin().await.unwrap();
    assert!(matches!(shim.send_stdin("d", b"4\n").await, Err(TalkError::Refused(Refusal::Closed))));
    // Not before: a shim whose agent has ended answers nobody any more.
    std::fs::write(bench.home.path().join("refused"), "").unwrap();
    assert_eq!(wait(&shim).await.exit_code, Some(0));
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout), ["1", "2", "3", "end"]);
}

/// Shim R6: once a newer server has spoken, the older one is refused, on its open connection as well.
#[tokio::test]
async fn the_newest_epoch_wins() {
    let bench = Bench::new();
    let old = bench.launch(&held(&bench, "cat")).await;
    old.send_stdin("a", b"old\n").await.unwrap();
    let new = attach_alive(&bench, 9).await;
    new.send_stdin("b", b"new\n").await.unwrap();
    for _ in 0..2 {
        let refused = old.send_stdin("c", b"ghost\n").await;
        assert!(matches!(refused, Err(TalkError::Refused(Refusal::OldEpoch))), "{refused:?}");
    }
    assert!(matches!(old.stop("ghost", Duration::ZERO).await, Err(TalkError::Refused(Refusal::OldEpoch))));
    new.close_stdin().await.unwrap();
    let exit = wait(&new).await;
    assert_eq!((exit.exit_code, exit.stopped_by), (Some(0), None));
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout), ["old", "new"]);
}

/// Shim R5: without the key nothing is done and the connection is closed; nor does garbage do any harm.
#[tokio::test]
async fn a_wrong_key_is_refused() {
    let bench = Bench::new();
    let shim = bench.launch(&held(&bench, "cat")).await;
    let socket = RunFolder::new(bench.folder()).read_run().unwrap().socket;
    let say = move |words: Vec<u8>| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // A shim that hangs up early is what we want to see, not an error of the test.
        drop(stream.write_all(&words));
        let mut lines = BufReader::new(stream).lines();
        let answer = lines.next().and_then(Result::ok).unwrap_or_default();
        (answer, lines.next().is_none_or(|line| line.is_err()))
    };
    let talk = tokio::task::spawn_blocking(move || {
        let wrong = say(b"{\"op\":\"hello\",\"key\":\"00\",\"epoch\":99}\n".to_vec());
        let none = say(b"{\"op\":\"stop\",\"reason\":\"x\",\"grace_ms\":0}\n".to_vec());
        let endless = say(vec![b'x'; 100_000]);
        (wrong, none, endless)
    });
    let (wrong, none, endless) = within(talk).await.unwrap();
    assert!(wrong.0.contains("bad_key") && wrong.1, "{wrong:?}");
    assert!(none.0.contains("bad_key") && none.1, "{none:?}");
    assert!(endless.1, "{endless:?}");
    shim.send_stdin("a", b"still here\n").await.unwrap();
    shim.close_stdin().await.unwrap();
    assert_eq!(wait(&shim).await.exit_code, Some(0));
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout), ["still here"]);
}

/// Shim R5: an agent that does not read makes nobody wait; what is too much is refused.
#[tokio::test]
async fn an_agent_that_does_not_read_blocks_nobody() {
    let bench = Bench::new();
    let shim = bench.launch(&held(&bench, "while :; do sleep 1; done")).await;
    let megabyte = vec![b'x'; 1024 * 1024];
    let mut refused = None;
    for number in 0..64 {
        if let Err(error) = within(shim.send_stdin(&number.to_string(), &megabyte)).await {
            refused = Some(error);
            break;
        }
    }
    assert!(matches!(refused, Some(TalkError::Refused(Refusal::Full))), "{refused:?}");
    shim.stop("enough", Duration::from_millis(100)).await.unwrap();
    assert_eq!(wait(&shim).await.stopped_by.as_deref(), Some("enough"));
}

/// Shim R3: the agent can be asked to stop although the server was started where the polite signals are ignored, in the background of a script or by `nohup`.
#[tokio::test]
async fn ignored_signals_are_not_handed_on() {
    let bench = Bench::new();
    let wrapper = bench.home.path().join("deaf");
    fs::write(&wrapper, format!("#!/bin/sh\ntrap '' HUP INT QUIT TERM\nexec {} \"$@\"\n", program().program.display())).unwrap();
    fs::set_permissions(&wrapper, Permissions::from_mode(0o700)).unwrap();
    let spec = bench.spec("trap 'echo saved; exit 9' INT; grep SigIgn /proc/self/status; echo ready; while :; do sleep 0.01; done");
    let shim = launch(&ShimProgram { program: wrapper }, &bench.folder(), &spec).await.unwrap();
    let before = read_until(&mut bench.reader(), "ready").await;
    shim.stop("user", Duration::from_secs(20)).await.unwrap();
    let exit = wait(&shim).await;
    assert_eq!((exit.exit_code, exit.stopped_by.as_deref()), (Some(9), Some("user")), "{before:?}");
}

/// Shim R8: SIGINT comes first, and an agent that heeds it may end in its own way.
#[tokio::test]
async fn stop_asks_politely_first() {
    let bench = Bench::new();
    let shim = bench.launch(&bench.spec("trap 'echo saved; exit 9' INT; echo ready; while :; do sleep 0.01; done")).await;
    read_until(&mut bench.reader(), "ready").await;
    shim.stop("user", Duration::from_secs(20)).await.unwrap();
    let exit = wait(&shim).await;
    assert_eq!((exit.exit_code, exit.stopped_by.as_deref()), (Some(9), Some("user")));
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout), ["ready", "saved"]);
}

/// Shim R2: a folder whose path is too long for a socket gets one elsewhere.
#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let bench = Bench::new();
    let folder = bench.home.path().join("l".repeat(120)).join("swift-falcon.1");
    let spec = held(&bench, "cat");
    let shim = aq_runner::shim::launch(&crate::bench::program(), &folder, &spec).await.unwrap();
    let socket = shim.run_file().socket.clone();
    assert!(!socket.starts_with(&folder) && socket.as_os_str().len() <= 107, "{}", socket.display());
    shim.send_stdin("a", b"x\n").await.unwrap();
    shim.close_stdin().await.unwrap();
    wait(&shim).await;
    eventually("the socket is removed", || !socket.exists()).await;
}

/// Shim R7: the silence limit can be lifted while the agent waits for a person, and then counts anew.
#[tokio::test]
async fn silence_can_be_excused() {
    let bench = Bench::new();
    let mut spec = held(&bench, "read line; echo got $line");
    spec.limits.silence_ms = 400;
    let shim = bench.launch(&spec).await;
    shim.set_silence_limit(Duration::ZERO).await.unwrap();
    let later = monotonic() + Duration::from_millis(900);
    eventually("the limit has passed", || monotonic() >= later).await;
    assert!(shim.is_agent_alive().await.unwrap());
    shim.send_stdin("a", b"answer\n").await.unwrap();
    let exit = wait(&shim).await;
    assert_eq!((exit.exit_code, exit.timed_out), (Some(0), None));
}

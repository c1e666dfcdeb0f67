//! Agents that do not want to go, in every way a run can end: nobody may be left, and no stranger touched (goals G8 and G9).
//!
//! Spec: specs/server/runner/process.md

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aq_runner::process::{MARK_VARIABLE, RUN_ID_VARIABLE};
use aq_runner::shim::{Attachment, RunFolder, Shim, ShimSpec, TimedOut, end_leftovers};
use futures_util::future::join_all;

use crate::bench::{Bench, eventually, program, read_until, wait, within};

/// A process that heeds no polite signal, prints nothing, and carries the token.
const DEAF: &str = r#"sh -c 'trap "" TERM INT HUP; while :; do sleep 5; done' "$T""#;

/// The leader says `ready` when its brood is there; `@` stands for [`DEAF`].
const BROODS: [(&str, &str); 8] = [
    ("child", "@ &"),
    ("own session", "setsid @ &"),
    ("double fork", "( setsid sh -c '@2 & exit' & ) ; @ >/dev/null 2>&1 </dev/null &"),
    ("empty environment", "env -i setsid @ &"),
    (
        "forks",
        "for i in 1 2 3 4 5 6 7; do sh -c 'for i in 1 2 3 4 5 6; do (while :; do sleep 5 & sleep 0.01; done) & done; wait' \"$T\" & done",
    ),
    ("stopped", "sh -c 'kill -STOP $$; sleep 100' \"$T\" & setsid sh -c 'kill -STOP $$; sleep 100' \"$T\" &"),
    ("closed streams", "setsid sh -c 'exec <&- >&- 2>&-; while :; do sleep 5; done' \"$T\" &"),
    ("open streams", "setsid sh -c 'while :; do sleep 5; done' \"$T\" &"),
];

fn brood(script: &str, then: &str) -> String {
    let deaf_quoted = "sleep 100";
    format!("{}\necho ready\n{then}", script.replace("@2", deaf_quoted).replace('@', DEAF))
}

/// A leader that stays and heeds nothing.
const STAY: &str = "trap '' TERM INT HUP; while :; do sleep 5; done";

/// Processes that look like a run's but are not: the same names, the same run id, another mark.
struct Decoys(Vec<Child>);

impl Decoys {
    fn start() -> Self {
        let start = |number: usize| {
            Command::new("/bin/sh")
                .args(["-c", "trap '' TERM INT HUP; while :; do sleep 5; done"])
                .env(RUN_ID_VARIABLE, "swift-falcon.1")
                .env(MARK_VARIABLE, format!("swift-falcon.1.{number:032x}"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        };
        Self((0..10).map(start).collect())
    }

    fn check(mut self) {
        for child in &mut self.0 {
            assert!(child.try_wait().unwrap().is_none(), "a stranger was killed");
            let children = format!("/proc/{0}/task/{0}/children", child.id());
            for grandchild in fs::read_to_string(children).unwrap_or_default().split_whitespace() {
                let pid = rustix::process::Pid::from_raw(grandchild.parse().unwrap()).unwrap();
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// Runs every brood at once under `then`, ends each by `end`, and sees that nobody is left and no decoy was touched.
async fn every_brood<F: Future<Output = ()>>(
    ending: &str,
    then: &str,
    change: impl Fn(&mut ShimSpec),
    end: impl Fn(Bench, ShimSpec, &'static str) -> F,
) {
    let decoys = Decoys::start();
    let runs = BROODS.iter().map(|(name, script)| {
        let bench = Bench::new();
        let mut spec = bench.spec(&brood(script, then));
        change(&mut spec);
        end(bench, spec, name)
    });
    join_all(runs).await;
    decoys.check();
    println!("score: nobody left: 0 processes left, 0 strangers killed; {} broods at {ending}", BROODS.len());
}

fn nobody_left(bench: &Bench, spec: &ShimSpec, name: &str) {
    let left = bench.survivors(spec);
    assert!(left.is_empty(), "{name}: {left:?}");
    assert!(fs::read_to_string("/proc/self/mountinfo").is_ok());
}

/// I-14, shim R9: the leader ends by itself; whoever stayed is gone when the record is there.
#[tokio::test]
async fn nobody_is_left_after_a_normal_end() {
    every_brood(
        "a normal end",
        "exit 0",
        |_| {},
        async |bench, spec, name| {
            let exit = bench.run(&spec).await;
            assert_eq!((exit.exit_code, exit.leftovers, exit.stopped_by), (Some(0), 0, None), "{name}");
            nobody_left(&bench, &spec, name);
        },
    )
    .await;
}

/// D-03, F-085, F-101, I-14, shim R8: stopped.
#[tokio::test]
async fn nobody_is_left_after_a_stop() {
    every_brood(
        "a stop",
        STAY,
        |_| {},
        async |bench, spec, name| {
            let shim = bench.launch(&spec).await;
            read_until(&mut bench.reader(), "ready").await;
            shim.stop("user", Duration::from_millis(50)).await.unwrap();
            let exit = wait(&shim).await;
            assert_eq!((exit.stopped_by.as_deref(), exit.leftovers), (Some("user"), 0), "{name}");
            nobody_left(&bench, &spec, name);
        },
    )
    .await;
}

/// F-076, I-14, shim R7: the wall-clock limit.
#[tokio::test]
async fn nobody_is_left_after_the_wall_limit() {
    every_brood(
        "the wall limit",
        STAY,
        |spec| (spec.limits.wall_ms, spec.limits.grace_ms) = (700, 50),
        async |bench, spec, name| {
            let exit = bench.run(&spec).await;
            assert_eq!((exit.timed_out, exit.leftovers, exit.exit_code), (Some(TimedOut::Wall), 0, None), "{name}");
            nobody_left(&bench, &spec, name);
        },
    )
    .await;
}

/// F-076, D-07, I-14, shim R7: the silence limit.
#[tokio::test]
async fn nobody_is_left_after_silence() {
    every_brood(
        "silence",
        STAY,
        |spec| (spec.limits.silence_ms, spec.limits.grace_ms) = (500, 50),
        async |bench, spec, name| {
            let exit = bench.run(&spec).await;
            assert_eq!((exit.timed_out, exit.leftovers), (Some(TimedOut::Silence), 0), "{name}");
            nobody_left(&bench, &spec, name);
        },
    )
    .await;
}

/// Starts the shim from a launcher of its own, which is then killed.
async fn launch_and_kill_launcher(bench: &Bench, spec: &ShimSpec) {
    RunFolder::new(bench.folder()).write_spec(spec).unwrap();
    let mut launcher = Command::new("/bin/sh")
        .args(["-c", "\"$0\" __shim \"$1\" & wait"])
        .arg(program().program)
        .arg(bench.folder())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    read_until(&mut bench.reader(), "ready").await;
    launcher.kill().unwrap();
    launcher.wait().unwrap();
}

async fn alive(bench: &Bench, epoch: u64) -> Shim {
    match bench.attach(epoch).await {
        Attachment::Alive(shim) => *shim,
        other => panic!("not alive: {other:?}"),
    }
}

/// I-14, shim R1: the server is killed, the shim lives on and is taken up by the next server.
#[tokio::test]
async fn a_run_survives_its_launcher_and_is_taken_up() {
    every_brood(
        "the death of the launcher",
        STAY,
        |_| {},
        async |bench, spec, name| {
            launch_and_kill_launcher(&bench, &spec).await;
            drop(alive(&bench, 8).await);
            let shim = alive(&bench, 9).await;
            assert!(shim.is_agent_alive().await.unwrap());
            shim.stop("shutdown", Duration::from_millis(50)).await.unwrap();
            assert_eq!(wait(&shim).await.stopped_by.as_deref(), Some("shutdown"), "{name}");
            nobody_left(&bench, &spec, name);
        },
    )
    .await;
}

/// I-14, shim R7: the limits hold although no server is there.
#[tokio::test]
async fn limits_hold_without_a_server() {
    let bench = Bench::new();
    let mut spec = bench.spec(&brood(BROODS[1].1, STAY));
    (spec.limits.wall_ms, spec.limits.grace_ms) = (800, 50);
    launch_and_kill_launcher(&bench, &spec).await;
    eventually("the record is written", || bench.folder().join("exit.json").exists()).await;
    assert!(matches!(bench.attach(9).await, Attachment::Exited(exit) if exit.timed_out == Some(TimedOut::Wall)));
    nobody_left(&bench, &spec, "own session");
}

/// Process R5: even the shim is killed; the run is lost, and what it left is found by its mark (and its control group, where there is one).
#[tokio::test]
async fn leftovers_of_a_lost_run_are_ended() {
    every_brood(
        "the loss of the shim",
        STAY,
        |_| {},
        async |bench, spec, name| {
            let shim = bench.launch(&spec).await;
            read_until(&mut bench.reader(), "ready").await;
            let pid = rustix::process::Pid::from_raw(i32::try_from(shim.pid()).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            assert!(within(shim.wait()).await.is_err());
            assert!(matches!(bench.attach(9).await, Attachment::Lost { .. }));
            let contained = shim.run_file().cgroup.is_some();
            assert_eq!(end_leftovers(&bench.folder()).await, 0, "{name}");
            if name == "empty environment" && !contained {
                // The one thing that hides: no mark, no shim, no control group. End it for the machine's sake.
                println!("no control group here: an emptied environment hides from the sweep");
                kill_by_token(&bench);
            }
            nobody_left(&bench, &spec, name);
        },
    )
    .await;
}

fn kill_by_token(bench: &Bench) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid.filter(|_| String::from_utf8_lossy(&line).contains(&bench.token)) {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
}

//! Runs within namespaces of bubblewrap: how they are stopped, how they end, and what their agents see. Where there is no `bwrap` nothing is shown.
//!
//! What they may reach is tested in `containment` and `escapes`.
//!
//! Spec: specs/server/runner/sandbox.md

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use aq_runner::sandbox::{Places, Sandbox, SandboxPolicy};
use aq_runner::shim::{RunFolder, ShimSpec};
use aq_runner::spool::RawKind;
use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, bwrap, eventually, read_until, texts, wait};

/// An order for a script that runs in the bench's `work`; `None` where there is no `bwrap`.
fn order(bench: &Bench, script: &str) -> Option<ShimSpec> {
    let bwrap = bwrap()?;
    let workspace = bench.home.path().join("work");
    fs::create_dir_all(&workspace).unwrap();
    let mut spec = bench.spec(script);
    spec.cwd = workspace.clone();
    spec.sandbox = Sandbox::bubblewrap(bwrap, SandboxPolicy::usual(&Places { workspace, ..Places::default() }));
    Some(spec)
}

/// Shim R8, sandbox R8: the polite signals reach the agent, which saves what it has and ends as it likes.
#[tokio::test]
async fn an_agent_is_asked_to_stop() {
    let bench = Bench::new();
    let Some(mut spec) = order(&bench, "trap 'echo saved; exit 3' INT; echo ready; while :; do sleep 0.05; done") else { return };
    spec.limits.grace_ms = 20_000;
    let shim = bench.launch(&spec).await;
    read_until(&mut bench.reader(), "ready").await;
    shim.stop("operator", Duration::from_secs(20)).await.unwrap();
    let exit = wait(&shim).await;
    assert_eq!((exit.exit_code, exit.signal, exit.stopped_by.as_deref()), (Some(3), None, Some("operator")));
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout), ["ready", "saved"]);
}

/// Shim R9, sandbox R8: a deaf agent and its whole brood, in sessions of their own, are gone in the end.
#[tokio::test]
async fn deaf_agents_leave_nobody() {
    let bench = Bench::new();
    let deaf = r#"setsid sh -c 'trap "" TERM INT HUP; while :; do sleep 5; done' "$T" &"#;
    let Some(spec) = order(&bench, &format!("{deaf} trap '' TERM INT HUP; echo ready; while :; do sleep 5; done")) else { return };
    let shim = bench.launch(&spec).await;
    read_until(&mut bench.reader(), "ready").await;
    shim.stop("operator", Duration::from_millis(50)).await.unwrap();
    assert_eq!(wait(&shim).await.leftovers, 0);
    eventually("nobody is left", || bench.survivors(&spec).is_empty()).await;
}

/// Sandbox R8: when the shim dies, everything within dies with it.
#[tokio::test]
async fn nothing_outlives_the_shim() {
    let bench = Bench::new();
    let Some(spec) = order(&bench, r#"setsid sh -c 'while :; do sleep 5; done' "$T" & echo ready; while :; do sleep 5; done"#) else {
        return;
    };
    let shim = bench.launch(&spec).await;
    read_until(&mut bench.reader(), "ready").await;
    let run = RunFolder::new(bench.folder()).read_run().unwrap();
    kill_process(Pid::from_raw(run.shim.pid).unwrap(), Signal::KILL).unwrap();
    drop(shim);
    eventually("nobody is left", || bench.survivors(&spec).is_empty()).await;
}

/// Shim R3, R4: an end by a signal is one, an exit code is one, and a program that is not there within is named.
#[tokio::test]
async fn endings_are_told_apart() {
    for (script, code, signal) in [("kill -9 $$", None, Some(9)), ("exit 7", Some(7), None)] {
        let bench = Bench::new();
        let Some(spec) = order(&bench, script) else { return };
        let exit = bench.run(&spec).await;
        assert_eq!((exit.exit_code, exit.signal, exit.spawn_error), (code, signal, None), "{script}");
        assert!(exit.sandbox.starts_with("bwrap; "), "{}", exit.sandbox);
    }
    let bench = Bench::new();
    let Some(mut spec) = order(&bench, "") else { return };
    let hidden = bench.home.path().join("tool");
    fs::copy("/bin/sh", &hidden).unwrap();
    spec.argv = vec![hidden.display().to_string()];
    let exit = bench.run(&spec).await;
    let error = exit.spawn_error.unwrap_or_default();
    assert!(exit.exit_code.is_none() && error.contains("does not exist"), "{error}");
}

/// Shim R4: namespaces that cannot be made are told as that.
#[tokio::test]
async fn a_bwrap_that_fails_is_told() {
    let bench = Bench::new();
    let Some(mut spec) = order(&bench, "echo never") else { return };
    for (program, words) in [("/bin/false", "bwrap did not get to the agent"), ("/nowhere/bwrap", "/nowhere/bwrap cannot be started")] {
        let bench = Bench::new();
        spec.sandbox.bwrap = program.into();
        let exit = bench.run(&spec).await;
        let error = exit.spawn_error.unwrap_or_default();
        assert!(exit.exit_code.is_none() && error.contains(words), "{error}");
    }
}

/// Sandbox R5, R8: the agent sees its own processes and environment, no open files of ours, and a socket whose folder is mounted, also when it was made anew.
#[tokio::test]
async fn the_view_is_the_runs_own() {
    let bench = Bench::new();
    let script = "ls /proc | grep -c '^[0-9]'; env | cut -d= -f1 | sort | tr '\n' ' '; echo; ls /proc/self/fd | tr '\n' ' '; echo
        until test -e go; do sleep 0.05; done; test -S \"$DOOR\" && echo door";
    let Some(mut spec) = order(&bench, script) else { return };
    let door = bench.home.path().join("aqd.d");
    fs::create_dir(&door).unwrap();
    spec.env.insert("DOOR".to_owned(), door.join("aqd.sock").display().to_string());
    spec.sandbox.policy.read_only.push(door.clone());
    let shim = bench.launch(&spec).await;
    let _listener = UnixListener::bind(door.join("aqd.sock")).unwrap();
    fs::write(bench.home.path().join("work/go"), "").unwrap();
    wait(&shim).await;
    let out = texts(&bench.lines().await, RawKind::Stdout);
    let [processes, names, files, socket] = out.as_slice() else { panic!("{out:?}") };
    assert!(processes.parse::<u32>().unwrap() < 8, "{processes}");
    assert_eq!(names, "AQ_RUN_ID AQ_RUN_MARK DOOR PATH PWD T ");
    assert_eq!((files.as_str(), socket.as_str()), ("0 1 2 3 ", "door"));
}

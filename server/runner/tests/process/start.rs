//! Starting: what the agent gets, and what is said when it cannot be started.
//!
//! Spec: specs/server/runner/shim.md

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use aq_runner::process::clock::monotonic;
use aq_runner::shim::{Attachment, LaunchError, RunFolder, ShimProgram, end_leftovers, launch};
use aq_runner::spool::RawKind;

use crate::bench::{Bench, program, texts, wait, within};

/// Shim R1, R4: launch, output, exit code, record; then no second launch, and an attach finds the record.
#[tokio::test]
async fn runs_and_records() {
    let bench = Bench::new();
    let exit = bench.run(&bench.spec("echo out; echo err >&2; exit 3")).await;
    assert_eq!((exit.exit_code, exit.signal, &exit.spawn_error, &exit.stopped_by, exit.timed_out), (Some(3), None, &None, &None, None));
    assert_eq!((exit.dropped_bytes, exit.leftovers, exit.run.as_str()), (0, 0, "swift-falcon.1"));
    let lines = bench.lines().await;
    assert_eq!((texts(&lines, RawKind::Stdout), texts(&lines, RawKind::Stderr)), (vec!["out".to_owned()], vec!["err".to_owned()]));
    assert!(lines.windows(2).all(|pair| pair[0].offset_after < pair[1].offset_after));
    let again = launch(&program(), &bench.folder(), &bench.spec("true")).await;
    assert!(matches!(again, Err(LaunchError::AlreadyLaunched(_))));
    assert!(matches!(bench.attach(8).await, Attachment::Exited(found) if found == exit));
}

/// Shim R3: exactly the given environment, own process group, standard input at its end, no foreign descriptors, no core files.
#[tokio::test]
async fn the_agent_starts_clean() {
    let bench = Bench::new();
    let script = "env | cut -d= -f1 | sort | tr '\\n' ' '; echo; cat; ls /proc/self/fd | tr '\\n' ' '; echo; ulimit -c; pwd; \
                  grep NoNewPrivs /proc/self/status; cut -d' ' -f5 /proc/$$/stat; echo $$";
    let spec = bench.spec(script);
    let exit = bench.run(&spec).await;
    assert_eq!(exit.exit_code, Some(0));
    let out = texts(&bench.lines().await, RawKind::Stdout);
    assert_eq!(out[0].trim(), "AQ_RUN_ID AQ_RUN_MARK PATH PWD T");
    // Descriptor 3 is the listing itself.
    assert_eq!(out[1].trim(), "0 1 2 3");
    assert_eq!(out[2], "0");
    assert_eq!(out[3], bench.home.path().to_str().unwrap());
    assert!(out[4].ends_with('1'), "{}", out[4]);
    assert_eq!(out[5], out[6]);
}

/// Shim R3: what the launcher's own launcher left open reaches neither the shim nor the agent.
#[tokio::test]
async fn inherited_descriptors_are_closed() {
    let bench = Bench::new();
    RunFolder::new(bench.folder()).write_spec(&bench.spec("ls /proc/self/fd | tr '\\n' ' '")).unwrap();
    let status = Command::new("/bin/sh")
        .args(["-c", "exec 7</etc/passwd 8>/dev/null; exec \"$0\" __shim \"$1\""])
        .arg(program().program)
        .arg(bench.folder())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout)[0].trim(), "0 1 2 3");
}

/// Shim R11: a shim that is killed while it starts is no program that cannot start: its run is lost, and nobody starts it late.
#[tokio::test]
async fn a_shim_killed_at_its_start_is_lost() {
    let bench = Bench::new();
    let script = bench.home.path().join("shim.sh");
    fs::write(&script, "#!/bin/sh\nkill -KILL $$\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let dying = ShimProgram { program: script };
    assert!(matches!(launch(&dying, &bench.folder(), &bench.spec("true")).await, Err(LaunchError::Died)));
    assert!(matches!(bench.attach(8).await, Attachment::Lost { .. }));
    let late = launch(&program(), &bench.folder(), &bench.spec("true")).await;
    assert!(matches!(&late, Err(LaunchError::Failed(words)) if words.contains("given up")), "{late:?}");
}

/// Shim R4: each way not to start has its own sentence, and is not an exit code.
#[tokio::test]
async fn says_why_it_cannot_start() {
    let check = async |argv: &[&str], says: &str| {
        let bench = Bench::new();
        let exit = bench.run(&bench.spec_of(argv)).await;
        let sentence = exit.spawn_error.clone().unwrap_or_default();
        assert!(sentence.contains(says), "{argv:?}: {sentence}");
        assert_eq!(exit.exit_code, None);
    };
    check(&["no-such-program-anywhere"], "was not found: install it").await;
    check(&["/no/such/program"], "does not exist").await;
    check(&["/etc/passwd"], "is not executable").await;
    check(&["/etc"], "is a directory").await;
    check(&[""], "name is empty").await;
    check(&[], "command is empty").await;

    let bench = Bench::new();
    let mut spec = bench.spec("true");
    spec.cwd = "/no/such/folder".into();
    let exit = bench.run(&spec).await;
    assert!(exit.spawn_error.unwrap().contains("/no/such/folder cannot be entered"));

    let bench = Bench::new();
    let script = bench.home.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let exit = bench.run(&bench.spec_of(&[script.to_str().unwrap()])).await;
    assert!(exit.spawn_error.unwrap().contains("interpreter"));
}

/// Shim R2: everything in a run folder is for its owner only.
#[tokio::test]
async fn the_folder_is_private() {
    let bench = Bench::new();
    bench.run(&bench.spec("echo x")).await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bench.folder()), 0o700);
    assert_eq!(mode(&bench.folder().join("spool")), 0o700);
    for name in ["spec.json", "run.json", "exit.json", "exec.json", "spool/00000.log"] {
        assert_eq!(mode(&bench.folder().join(name)), 0o600, "{name}");
    }
    assert!(!bench.folder().join("control.sock").exists());
}

/// Shim R1: a shim that cannot start says so, and leaves nobody.
#[tokio::test]
async fn a_failing_launch_is_an_error() {
    let bench = Bench::new();
    let mut spec = bench.spec("true");
    spec.format = 99;
    let error = launch(&program(), &bench.folder(), &spec).await.unwrap_err();
    assert!(error.to_string().contains("format 99"), "{error}");
    let missing = aq_runner::shim::ShimProgram { program: "/no/such/shim".into() };
    let error = launch(&missing, &bench.home.path().join("other"), &spec).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/shim cannot be started"), "{error}");
}

/// Shim R11: a run that was given up before its shim came is not started any more.
#[tokio::test]
async fn a_given_up_run_never_starts() {
    let bench = Bench::new();
    let spec = bench.spec("touch started");
    RunFolder::new(bench.folder()).write_spec(&spec).unwrap();
    assert!(matches!(bench.attach(8).await, Attachment::Lost { .. }));
    assert_eq!(end_leftovers(&bench.folder()).await, 0);
    let error = launch(&program(), &bench.folder(), &spec).await.unwrap_err();
    assert!(error.to_string().contains("given up"), "{error}");
    assert!(!bench.home.path().join("started").exists());
}

/// Performance row 5: from the order to the agent's first output.
#[tokio::test]
async fn starts_quickly() {
    let mut times = Vec::new();
    let mut launches = Vec::new();
    for _ in 0..20 {
        let bench = Bench::new();
        let spec = bench.spec("echo x");
        let started = monotonic();
        let shim = bench.launch(&spec).await;
        launches.push(monotonic() - started);
        let line = within(bench.reader().next_batch(1)).await.unwrap();
        times.push(monotonic() - started);
        assert_eq!(line.len(), 1);
        wait(&shim).await;
    }
    launches.sort_unstable();
    times.sort_unstable();
    println!("launch p50 {:?}, p95 {:?}; first output p50 {:?}, p95 {:?}", launches[10], launches[18], times[10], times[18]);
    // The bound leaves room for a busy machine; the printed figures are the interesting ones.
    assert!(times[10] < Duration::from_millis(500), "{:?}", times[10]);
}

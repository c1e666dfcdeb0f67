//! The sandbox around a real agent, on kernels with and without Landlock.
//!
//! Spec: specs/server/runner/sandbox.md

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use aq_runner::sandbox::{Places, Sandbox, SandboxPolicy, probe};
use aq_runner::spool::RawKind;

use crate::bench::{Bench, bwrap, texts};

/// I-45, sandbox R2–R4: the agent works in its own places; the server's data, other runs, whatever links lead to and what other processes
/// were started with are out of reach, also for root.
#[tokio::test]
async fn an_agent_stays_in_its_places() {
    stays_in_its_places(probe().landlock > 0, Sandbox::landlock).await;
}

/// Sandbox R8: the same within namespaces.
#[tokio::test]
async fn an_agent_stays_in_its_namespaces() {
    if let Some(bwrap) = bwrap() {
        stays_in_its_places(true, |policy| Sandbox::bubblewrap(bwrap, policy)).await;
    }
}

async fn stays_in_its_places(contained: bool, level: impl FnOnce(SandboxPolicy) -> Sandbox) {
    let bench = Bench::new();
    let home = bench.home.path();
    let places = Places {
        workspace: home.join("workspaces/demo/swift-falcon"),
        home: home.join("agent/home"),
        temporary: home.join("agent/tmp"),
        login_dir: home.join("login"),
        ..Places::default()
    };
    for folder in [&places.workspace, &places.home, &places.temporary, &places.login_dir, &home.join("db"), &home.join("runs/other.1")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(home.join("db/agent-queue.db"), "database").unwrap();
    fs::write(home.join("admin.key"), "key").unwrap();
    symlink(home.join("admin.key"), places.workspace.join("link")).unwrap();

    // Each line: what was tried, and whether it worked.
    let script = r#"
        try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "$name yes"; else echo "$name no"; fi; }
        try own-write sh -c 'echo x > file && mkdir sub && mv file sub/ && rm -r sub'
        try home-write sh -c 'echo x > ../../../agent/home/x'
        try temporary-write sh -c 'echo x > ../../../agent/tmp/x'
        try login-write sh -c 'echo x > ../../../login/x'
        try dev-null sh -c 'echo x > /dev/null'
        try programs ls /usr/bin
        try database cat ../../../db/agent-queue.db
        try key cat ../../../admin.key
        try link cat link
        try own-order cat ../../../runs/swift-falcon.1/spec.json
        try other-run ls ../../../runs/other.1
        try write-system touch /usr/bin/aq-was-here
        try write-outside touch ../../../outside
        try setsid-write setsid touch ../../../outside
    "#;
    let script = format!("{script}\n try other-environment cat /proc/{}/environ\n", std::process::id());
    let mut spec = bench.spec(&script);
    spec.cwd = places.workspace.clone();
    spec.sandbox = level(SandboxPolicy::usual(&places));
    let word = if spec.sandbox.bwrap.as_os_str().is_empty() { "landlock" } else { "bwrap" };
    println!("this kernel: {}", probe());
    let exit = if contained { bench.run(&spec).await } else { bench.run(&without_system_writes(spec)).await };
    assert_eq!((exit.exit_code, &exit.spawn_error), (Some(0), &None), "{}", exit.sandbox);
    let out = texts(&bench.lines().await, RawKind::Stdout);
    let allowed = ["own-write", "home-write", "temporary-write", "login-write", "dev-null", "programs"];
    for name in allowed {
        assert!(out.contains(&format!("{name} yes")), "{name}: {out:?}");
    }
    if contained {
        assert!(exit.sandbox.starts_with(word), "{}", exit.sandbox);
        let refused =
            ["database", "key", "link", "own-order", "other-run", "write-system", "write-outside", "setsid-write", "other-environment"];
        for name in refused {
            assert!(out.contains(&format!("{name} no")), "{name}: {out:?}");
        }
    } else {
        println!("not contained here: only the start was checked");
        assert!(exit.sandbox.starts_with("none"), "{}", exit.sandbox);
    }
}

/// Without containment the script must not try to write to the system.
fn without_system_writes(mut spec: aq_runner::shim::ShimSpec) -> aq_runner::shim::ShimSpec {
    for word in &mut spec.argv {
        *word = word.lines().filter(|line| !line.contains("write-system")).collect::<Vec<_>>().join("\n");
    }
    spec
}

/// I-15, sandbox R4: with Landlock 6 the agent cannot signal a process outside, its own shim included.
#[tokio::test]
async fn an_agent_cannot_signal_its_shim() {
    if probe().landlock < 6 {
        println!("no landlock 6 here: not checked");
        return;
    }
    let bench = Bench::new();
    let mut spec = bench.spec("kill -0 $$ && echo own; kill -0 $PPID || echo refused");
    spec.sandbox = Sandbox::landlock(SandboxPolicy::usual(&Places { workspace: bench.home.path().to_owned(), ..Places::default() }));
    bench.run(&spec).await;
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout), ["own", "refused"]);
}

/// Sandbox R6: only the given ports can be connected to.
#[tokio::test]
async fn ports_are_contained() {
    if probe().landlock < 4 || !std::path::Path::new("/bin/bash").exists() {
        println!("no landlock 4 or no bash here: not checked");
        return;
    }
    let bench = Bench::new();
    let listeners = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
    let script =
        format!("for p in {} {}; do (exec 3<>/dev/tcp/127.0.0.1/$p) 2>/dev/null && echo open || echo shut; done", ports[0], ports[1]);
    let mut spec = bench.spec_of(&["/bin/bash", "-c", &script]);
    let mut policy = SandboxPolicy::usual(&Places { workspace: bench.home.path().to_owned(), ..Places::default() });
    policy.connect_ports = Some(vec![ports[0]]);
    spec.sandbox = Sandbox::landlock(policy);
    bench.run(&spec).await;
    assert_eq!(texts(&bench.lines().await, RawKind::Stdout), ["open", "shut"]);
}

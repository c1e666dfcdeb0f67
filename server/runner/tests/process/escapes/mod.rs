//! Attempts of a contained agent to reach what is not its own (goal G22). What they are stands in `cases`; the rest of the sandbox is tested in
//! `containment`.
//!
//! Spec: specs/server/runner/sandbox.md

mod cases;

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aq_runner::sandbox::{Places, Sandbox, SandboxPolicy, probe};
use aq_runner::spool::RawKind;

use crate::bench::{Bench, bwrap, eventually, texts};
use cases::{Case, OPEN, OTHERS, OWN, READING, WRITING};

/// What lies in the home, beside the agent's own places.
const THERE: [&str; 10] = [
    "db/agent-queue.db",
    "admin.key",
    "runs/other.1/spec.json",
    "output/other.1.log",
    "workspaces/demo/other/secret.txt",
    "user/.ssh/id_ed25519",
    "user/.gitconfig",
    "user/.claude/credentials.json",
    "user/.bashrc",
    "agents/other/tmp/secret.txt",
];

/// A process of the same user beside the run; it goes with the test.
struct Victim(Child);

impl Victim {
    /// Stands in the home, with a secret in its environment and the key open as file 3.
    async fn start(home: &Path) -> Self {
        let child = Command::new("/bin/sh")
            .args(["-c", "exec 3<admin.key; exec sleep 1000"])
            .current_dir(home)
            .env("SECRET", "of the victim")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the victim holds its file", || fs::read_link(format!("/proc/{}/fd/3", child.id())).is_ok()).await;
        Self(child)
    }

    /// The address of something in its memory that can be read and written.
    fn address(&self) -> String {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.0.id())).unwrap();
        let line = maps.lines().find(|line| line.contains("rw-p")).unwrap();
        line.split('-').next().unwrap().to_owned()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Everything below a folder: names, and what files hold; the agent's own places left out.
fn inventory(home: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(home).unwrap().display().to_string();
            if ["workspaces/demo/swift-falcon", "agents/own", "runs/swift-falcon.1"].contains(&name.as_str()) {
                continue;
            }
            let kind = entry.file_type().unwrap();
            all.push((name, if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() }));
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    all.sort();
    all
}

/// Compiles the attempts that no shell can make.
fn attempts(folder: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/escapes/escape.c");
    let done = Command::new("cc").args(["-O1", "-o"]).arg(folder.join("escape")).arg(source).output().expect("a C compiler called cc");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// G22, sandbox R2 to R7: whatever a contained agent tries, by shell or by the calls of the kernel, nothing of the server, of other runs, of the user or
/// of the system is read or changed, no process outside is touched and no port that is not allowed is reached; what the kernel leaves open is what the spec
/// says. Without containment the ways to read work, or this would prove nothing.
#[tokio::test]
async fn no_attempt_reaches_what_is_not_the_agents() {
    let support = probe();
    if support.landlock < 6 {
        println!("this kernel ({support}) does not contain agents in all respects: nothing was tried, nothing is shown");
        return;
    }
    // What needs no program of ours does no harm where nothing holds it back.
    let shell: Vec<Case> = READING.iter().filter(|(_, line)| !line.contains("$X")).copied().collect();
    let free = attempt(&[("reading", &shell)], None).await;
    let live = free.iter().filter(|line| line.starts_with("yes ")).count();
    assert!(live + 3 >= shell.len() && free.len() == shell.len(), "only {live} of {} ways to read work: {free:#?}", shell.len());

    let held =
        attempt(&[("own", OWN), ("reading", READING), ("writing", WRITING), ("others", OTHERS), ("open", OPEN)], Some(&Sandbox::landlock))
            .await;
    let (gaps, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|line| line.contains(" open: "));
    assert_eq!(gaps.len(), OPEN.len(), "{gaps:#?}");
    judge(&held, &support.to_string());
}

/// G22, sandbox R8: the same within namespaces, where what Landlock leaves open does not concern others any more.
#[tokio::test]
async fn no_attempt_leaves_the_namespaces() {
    let Some(bwrap) = bwrap().filter(|_| probe().landlock >= 6) else { return };
    let level = |policy| Sandbox::bubblewrap(bwrap.clone(), policy);
    let held = attempt(&[("own", OWN), ("reading", READING), ("writing", WRITING), ("others", OTHERS)], Some(&level)).await;
    judge(&held, "bwrap");
}

/// The agent's own places were open to it, and nothing else was.
fn judge(held: &[String], how: &str) {
    let (own, told): (Vec<_>, Vec<_>) = held.iter().partition(|line| line.starts_with("yes own: "));
    let tried = READING.len() + WRITING.len() + OTHERS.len();
    assert_eq!((own.len(), told.len()), (OWN.len(), tried), "{held:#?}");
    let escaped: Vec<_> = told.into_iter().filter(|line| !line.starts_with("no ")).collect();
    assert!(escaped.is_empty(), "{escaped:#?}");
    println!("score: escapes: 0 escaped; {tried} attempts, {how}");
}

/// What the agent said of each attempt. Nothing outside its places may have changed.
async fn attempt(groups: &[(&str, &[Case])], level: Option<&dyn Fn(SandboxPolicy) -> Sandbox>) -> Vec<String> {
    let bench = Bench::new();
    let home = bench.home.path();
    let places = Places {
        workspace: home.join("workspaces/demo/swift-falcon"),
        home: home.join("agents/own/home"),
        temporary: home.join("agents/own/tmp"),
        ..Places::default()
    };
    for folder in [&places.workspace, &places.home, &places.temporary] {
        fs::create_dir_all(folder).unwrap();
    }
    for name in THERE {
        fs::create_dir_all(home.join(name).parent().unwrap()).unwrap();
        fs::write(home.join(name), format!("SECRET of {name}\n")).unwrap();
    }
    let everybody = tempfile::tempdir().unwrap();
    attempts(&places.workspace);
    let victim = Victim::start(home).await;
    let _listener = UnixListener::bind(home.join("listener.sock")).unwrap();
    let name = format!("aq-escape-{}", home.file_name().unwrap().display());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let (open, shut) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();

    let mut script = format!(
        "H={}; V={}; A={}; X=./escape; ABSTRACT={name}; SHUT={}; EVERYBODY={}\n",
        home.display(),
        victim.0.id(),
        victim.address(),
        port(&shut),
        everybody.path().display()
    );
    for (group, cases) in groups {
        for (case, line) in *cases {
            writeln!(script, "if ({line}) >/dev/null 2>&1; then echo \"yes {group}: {case}\"; else echo \"no {group}: {case}\"; fi")
                .unwrap();
        }
    }
    let mut spec = bench.spec(&script);
    spec.cwd = places.workspace.clone();
    if let Some(level) = level {
        let mut policy = SandboxPolicy::usual(&places);
        policy.connect_ports = Some(vec![port(&open)]);
        spec.sandbox = level(policy);
    }
    let before = inventory(home);
    bench.run(&spec).await;
    let out = texts(&bench.lines().await, RawKind::Stdout);
    assert_eq!(inventory(home), before);
    assert_eq!(fs::read_dir(everybody.path()).unwrap().count(), 0);
    out
}

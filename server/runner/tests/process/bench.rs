//! What every test here needs: a folder, an agent as a shell script, and ways to see who is alive.
//!
//! Spec: specs/server/runner/shim.md

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use aq_runner::process::clock::monotonic;
use aq_runner::process::marked;
use aq_runner::sandbox::try_out;
use aq_runner::shim::{Attachment, ExitRecord, Shim, ShimProgram, ShimSpec, attach, launch};
use aq_runner::spool::{RawKind, RawLine, Reader};
use tempfile::TempDir;

/// No test waits longer for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) home: TempDir,
    /// Stands in the command line of whatever the agent starts.
    pub(crate) token: String,
}

/// The binary with the hidden commands.
pub(crate) fn program() -> ShimProgram {
    ShimProgram { program: PathBuf::from(env!("CARGO_BIN_EXE_aq-shim")) }
}

/// The program `bwrap`, where it is and can make namespaces. Where `AQ_TEST_BWRAP` is set it must be.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where programs are and which have to be")]
pub(crate) fn bwrap() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("bwrap")).find(|file| file.is_file());
    let usable = found.ok_or_else(|| "it is not on PATH".to_owned()).and_then(|bwrap| try_out(&bwrap).map(|_version| bwrap));
    match usable {
        Ok(bwrap) => Some(bwrap),
        Err(why) => {
            assert!(std::env::var_os("AQ_TEST_BWRAP").is_none(), "AQ_TEST_BWRAP asks for bwrap: {why}");
            println!("without bwrap: {why}");
            None
        }
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let token: u128 = rand::random();
        Self { home: tempfile::tempdir().unwrap(), token: format!("token{token:032x}") }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("runs").join("swift-falcon.1")
    }

    /// An order to run a shell script; `$T` in it is the token.
    pub(crate) fn spec(&self, script: &str) -> ShimSpec {
        self.spec_of(&["/bin/sh", "-c", script])
    }

    pub(crate) fn spec_of(&self, argv: &[&str]) -> ShimSpec {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let mut spec = ShimSpec::new("swift-falcon.1", 7, argv, self.home.path().to_owned());
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        spec.env = BTreeMap::from([("PATH".to_owned(), path.to_owned()), ("T".to_owned(), self.token.clone())]);
        spec.limits.grace_ms = 200;
        spec
    }

    pub(crate) async fn launch(&self, spec: &ShimSpec) -> Shim {
        launch(&program(), &self.folder(), spec).await.unwrap()
    }

    pub(crate) async fn run(&self, spec: &ShimSpec) -> ExitRecord {
        let shim = self.launch(spec).await;
        wait(&shim).await
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.folder(), 0).unwrap()
    }

    /// Everything of a run that has ended.
    pub(crate) async fn lines(&self) -> Vec<RawLine> {
        let mut reader = self.reader();
        let mut all = Vec::new();
        loop {
            let batch = within(reader.next_batch(1000)).await.unwrap();
            if batch.is_empty() {
                return all;
            }
            all.extend(batch);
        }
    }

    /// Everything that the run has left: who carries its mark, or its token in the command line.
    pub(crate) fn survivors(&self, spec: &ShimSpec) -> Vec<String> {
        let mut found: Vec<String> = marked(&spec.mark).iter().map(|stat| format!("{stat:?}")).collect();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains(&self.token) {
                found.push(line);
            }
        }
        found
    }

    pub(crate) async fn attach(&self, epoch: u64) -> Attachment {
        attach(&self.folder(), epoch).await
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("deadline")
}

pub(crate) async fn wait(shim: &Shim) -> ExitRecord {
    within(shim.wait()).await.unwrap()
}

/// Reads until a line of standard output equals `text`; returns what came before it.
pub(crate) async fn read_until(reader: &mut Reader, text: &str) -> Vec<RawLine> {
    let mut seen = Vec::new();
    loop {
        let batch = within(reader.next_batch(1)).await.unwrap();
        let line = batch.into_iter().next().unwrap_or_else(|| panic!("the run ended before it said {text}; it said {seen:?}"));
        if line.kind == RawKind::Stdout && line.text() == text {
            return seen;
        }
        seen.push(line);
    }
}

/// Polls a condition of the outside world.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = monotonic() + DEADLINE;
    while !holds() {
        assert!(monotonic() < give_up, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The texts of the lines of one stream.
pub(crate) fn texts(lines: &[RawLine], kind: RawKind) -> Vec<String> {
    lines.iter().filter(|line| line.kind == kind).map(|line| line.text().into_owned()).collect()
}

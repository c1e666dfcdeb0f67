//! A home, a repository, a service, and a sink that remembers everything.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::output::{OutputBody, OutputItem};
use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::{
    BoxFuture, ConcludeRun, Conclusion, LandMode, LinkClosed, RunLimits, RunOutcome, RunReport, RunnerLink, RunnerOrder, RunnerSink,
    SessionOrder, StartRun, WorkspaceOrder, WorkspaceSource,
};
use aq_core::runtime::RuntimeKind;
use aq_runner::service::{RunnerConfig, RunnerService};
use tokio::sync::Notify;

const PATIENCE: Duration = Duration::from_secs(60);

/// Remembers reports and wakes who waits.
#[derive(Default)]
pub(crate) struct Memory {
    reports: Mutex<Vec<RunReport>>,
    news: Notify,
    /// Reports beyond this many are remembered but never acknowledged, as by a server that dies right then; 0: all are.
    pub(crate) deaf_after: AtomicUsize,
}

impl RunnerSink for Memory {
    fn report(&self, _run: RunRef, report: RunReport) -> BoxFuture<'_, Result<(), LinkClosed>> {
        let mut reports = self.reports.lock().unwrap();
        reports.push(report);
        let deaf_after = self.deaf_after.load(Ordering::Relaxed);
        let deaf = deaf_after > 0 && reports.len() > deaf_after;
        self.news.notify_waiters();
        if deaf { Box::pin(std::future::pending()) } else { Box::pin(async { Ok(()) }) }
    }
}

impl Memory {
    /// Waits until `find` finds something in the reports.
    pub(crate) async fn until<T>(&self, find: impl Fn(&[RunReport]) -> Option<T>) -> T {
        let wait = async {
            loop {
                let news = self.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                if let Some(found) = find(&self.reports.lock().unwrap()) {
                    return found;
                }
                news.await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(found) => found,
            Err(_) => panic!("nothing came; reports: {:#?}", self.reports.lock().unwrap()),
        }
    }

    /// The outcome and exit code.
    pub(crate) async fn finished(&self) -> (RunOutcome, Option<i32>) {
        self.until(|reports| {
            reports.iter().find_map(|report| match report {
                RunReport::Finished { outcome, exit_code } => Some((outcome.clone(), *exit_code)),
                _ => None,
            })
        })
        .await
    }

    pub(crate) async fn concluded(&self) -> Conclusion {
        self.until(|reports| {
            reports.iter().find_map(|report| match report {
                RunReport::Concluded { conclusion } => Some(conclusion.clone()),
                _ => None,
            })
        })
        .await
    }

    /// Waits for an item.
    pub(crate) async fn item<T>(&self, find: impl Fn(&OutputBody) -> Option<T>) -> T {
        self.until(|reports| items_of(reports).iter().find_map(|item| find(&item.body))).await
    }

    pub(crate) async fn said(&self, wanted: &str) {
        self.item(|body| matches!(body, OutputBody::Text { text } if text == wanted).then_some(())).await;
    }

    pub(crate) fn items(&self) -> Vec<OutputItem> {
        items_of(&self.reports.lock().unwrap())
    }

    pub(crate) fn count(&self, of: impl Fn(&RunReport) -> bool) -> usize {
        self.reports.lock().unwrap().iter().filter(|report| of(report)).count()
    }
}

fn items_of(reports: &[RunReport]) -> Vec<OutputItem> {
    let items = reports.iter().filter_map(|report| match report {
        RunReport::Output { items } => Some(items.clone()),
        _ => None,
    });
    items.flatten().collect()
}

/// Items are numbered from `first` without holes; returns the last number.
pub(crate) fn assert_gapless(items: &[OutputItem], first: u64) -> u64 {
    for (item, expected) in items.iter().zip(first..) {
        assert_eq!(item.seq, expected, "{items:#?}");
    }
    first + items.len() as u64 - 1
}

/// Everything on disk.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// A home and a repository with one commit.
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.repository()).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        std::fs::write(world.repository().join("README.md"), "start\n").unwrap();
        world.git(&["add", "-A"]);
        world.git(&["commit", "-q", "-m", "start"]);
        world
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file in the repository's checkout; `None` when it is not there.
    pub(crate) fn landed(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.repository().join(name)).ok()
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@localhost"])
            .args(arguments)
            .current_dir(self.repository())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A service on this home, as one server process has it.
    pub(crate) fn service(&self) -> (Arc<RunnerService>, Arc<Memory>) {
        self.service_with(Path::new(env!("CARGO_BIN_EXE_aq-shim")))
    }

    /// A service whose shims are started with this program.
    pub(crate) fn service_with(&self, program: &Path) -> (Arc<RunnerService>, Arc<Memory>) {
        let memory = Arc::new(Memory::default());
        let mut config = RunnerConfig::new(self.home(), program);
        config.environment.extend(std::env::vars());
        let sink: Arc<dyn RunnerSink> = Arc::clone(&memory) as _;
        (RunnerService::start(config, sink), memory)
    }

    /// A start with a script.
    pub(crate) fn start(&self, script: &str) -> StartRun {
        let prompt = if script.is_empty() { "Do it.".to_owned() } else { format!("Do it.\n```aq-script\n{script}\n```\n") };
        StartRun {
            run: run(),
            epoch: 1,
            project: project(),
            agent: AgentId::parse("worker").unwrap(),
            runtime: RuntimeKind::Scripted,
            workspace: self.workspace(),
            title: "Write a note".to_owned(),
            prompt,
            afresh: false,
            session: SessionOrder::Fresh { session_id: "11111111-2222-4333-8444-555555555555".to_owned() },
            profile: RuntimeProfile::default(),
            limits: limits(),
            secrets: Vec::new(),
        }
    }

    fn workspace(&self) -> WorkspaceOrder {
        WorkspaceOrder {
            id: WorkspaceId::parse("ws-00000001").unwrap(),
            source: WorkspaceSource::Link { path: self.repository().to_string_lossy().into_owned() },
            default_branch: "main".to_owned(),
            branch: "swift-fox/write-a-note".to_owned(),
        }
    }

    pub(crate) fn conclude(&self, verify: &[&str]) -> RunnerOrder {
        RunnerOrder::Conclude(Box::new(ConcludeRun {
            run: run(),
            epoch: 1,
            project: project(),
            workspace: self.workspace(),
            title: "Write a note".to_owned(),
            reviewed: None,
            verify: verify.iter().map(|command| (*command).to_owned()).collect(),
            land: LandMode::Merge,
            plan: None,
            limits: limits(),
        }))
    }

    /// Where the run works.
    pub(crate) fn directory(&self) -> PathBuf {
        self.home().join("workspaces/shop/swift-fox")
    }

    /// Opens the gate that a script waits for with `wait-file gate`.
    pub(crate) fn open_gate(&self) {
        std::fs::write(self.directory().join("gate"), "").unwrap();
    }
}

pub(crate) fn run() -> RunRef {
    RunRef { task: TaskId::parse("swift-fox").unwrap(), number: 1 }
}

pub(crate) fn project() -> ProjectId {
    ProjectId::parse("shop").unwrap()
}

pub(crate) const fn limits() -> RunLimits {
    RunLimits { wall_ms: 120_000, silence_ms: 60_000, output_bytes: 64 << 20, processes: 0, grace_ms: 500 }
}

/// Gives a start.
pub(crate) fn begin(service: &RunnerService, start: StartRun) {
    service.order(RunnerOrder::Start(Box::new(start)));
}

/// No process works in the run's directory any more.
pub(crate) fn nobody_in(directory: &Path) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    !processes.flatten().any(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == directory))
}

//! A server without transport and without processes: the real store, lifecycle and orchestrator, a clock that stands still, and a runner
//! whose part the test plays.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::principal::Principal;
use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, RunnerLink, RunnerOrder, RunnerSink, StartRun};
use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::{OwnLimits, Task, TaskOrigin, TaskStatus};
use aq_core::time::Timestamp;
use aq_core::workspace::WorkspaceKind;
use aq_runner::git::{GitProgram, Identity, Rooms};
use aq_server::clock::{Clock, ManualClock};
use aq_server::commands::create::NewTask;
use aq_server::commands::{self, CommandError, Context};
use aq_server::events::{EventBus, OutputHub, OutputLog, Wake};
use aq_server::lifecycle::{DEFAULT_SPAN_MS, Engine, Hot, Tx, load};
use aq_server::orchestrator::{Orchestrator, Parts, Policy, Sink};
use aq_server::store::{DatabaseUrl, Reader, RunRecord, TaskRecord, WriterThread, open_migrated, runs, tasks};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

/// Orders that the orchestrator gave, in order.
#[derive(Default)]
pub(crate) struct RecordedOrders {
    orders: Mutex<Vec<RunnerOrder>>,
    arrived: tokio::sync::Notify,
}

impl RunnerLink for RecordedOrders {
    fn order(&self, order: RunnerOrder) {
        self.orders.lock().unwrap().push(order);
        self.arrived.notify_waiters();
    }
}

impl RecordedOrders {
    /// Everything that was ordered and not taken yet.
    pub(crate) fn take(&self) -> Vec<RunnerOrder> {
        std::mem::take(&mut *self.orders.lock().unwrap())
    }
}

/// The running parts.
pub(crate) struct Harness {
    /// The home folder; removed with the harness.
    pub(crate) home: tempfile::TempDir,
    /// The database.
    url: DatabaseUrl,
    /// The clock of the test.
    pub(crate) clock: Arc<ManualClock>,
    /// The writer.
    pub(crate) engine: Engine,
    /// The readers.
    pub(crate) reader: Reader,
    /// Run output.
    pub(crate) hub: OutputHub,
    /// Events.
    pub(crate) bus: EventBus,
    /// What reports go to.
    pub(crate) sink: Arc<Sink>,
    /// What was ordered.
    pub(crate) link: Arc<RecordedOrders>,
    /// Wakes the orchestrator.
    pub(crate) wake: Wake,
    stop: CancellationToken,
    thread: Option<WriterThread>,
    running: Option<tokio::task::JoinHandle<()>>,
    policy: Policy,
}

/// Figures that make tests short: no limits that matter, retries after one second.
pub(crate) fn policy() -> Policy {
    Policy { safety_timer_ms: 3_600_000, forge_hosts: std::collections::BTreeSet::from(["github.com".to_owned()]), ..Policy::default() }
}

impl Harness {
    /// A fresh server.
    pub(crate) async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::start_in(home, Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)))).await
    }

    /// A server on a home that exists.
    pub(crate) async fn start_in(home: tempfile::TempDir, clock: Arc<ManualClock>) -> Self {
        Self::start_with(home, clock, policy()).await
    }

    /// A server on a home that exists, with its own figures.
    pub(crate) async fn start_with(home: tempfile::TempDir, clock: Arc<ManualClock>, policy: Policy) -> Self {
        let url = DatabaseUrl::sqlite(&home.path().join("db/agent-queue.db"));
        Self::start_on(home, url, clock, policy).await
    }

    /// A server on a home that exists and whose database is there.
    pub(crate) async fn start_on(home: tempfile::TempDir, url: DatabaseUrl, clock: Arc<ManualClock>, policy: Policy) -> Self {
        let (backups, place, now) = (home.path().join("backups"), url.clone(), clock.now());
        let open = move || {
            let (mut connection, _) = open_migrated(&place, &backups, now).unwrap();
            let figures = load(&mut connection, now, DEFAULT_SPAN_MS).unwrap();
            let bus = EventBus::new(figures.last_event);
            // The same test draws the same by chance, and a server that starts again something else than before.
            let chance = StdRng::seed_from_u64(now.as_millis().cast_unsigned() ^ figures.last_event.rotate_left(32));
            let publisher = bus.clone();
            let (engine, thread) =
                Engine::start(connection, Hot::drawing_from(figures, chance), move |facts| publisher.publish(facts)).unwrap();
            (engine, thread, bus, Reader::start(&place, 2).unwrap())
        };
        // Databases are spoken to by blocking calls, never on a thread of the runtime.
        let (engine, thread, bus, reader) = tokio::task::spawn_blocking(open).await.unwrap();
        let hub = OutputHub::new(OutputLog::open(&home.path().join("output")).unwrap());
        let wake = Wake::default();
        let parts = Parts {
            engine: engine.clone(),
            reader: reader.clone(),
            hub: hub.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            policy: Arc::new(policy.clone()),
            wake: wake.clone(),
        };
        let stop = CancellationToken::new();
        let (orchestrator, sink) = Orchestrator::new(parts, stop.clone());
        let link = Arc::new(RecordedOrders::default());
        orchestrator.recover(link.as_ref()).await.unwrap();
        let (token, order) = (stop.clone(), Arc::clone(&link) as Arc<dyn RunnerLink>);
        let running = tokio::spawn(async move { orchestrator.run(order, token).await.unwrap() });
        Self { home, url, clock, engine, reader, hub, bus, sink, link, wake, stop, thread: Some(thread), running: Some(running), policy }
    }

    /// True when the database is a file of the home.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.url, DatabaseUrl::Sqlite { .. })
    }

    /// Ends the server in good order and starts it again on the same home.
    pub(crate) async fn restart(mut self) -> Self {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
        self.engine.stop();
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join()).await.unwrap();
        let Self { home, url, clock, policy, .. } = self;
        Self::start_on(home, url, clock, policy).await
    }

    /// Ends the server in good order and starts it again with another configuration.
    pub(crate) async fn reconfigure(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self.restart().await
    }

    /// Ends the server in the middle of things and starts it again on the same home: nobody waits for the loop, its orders and all of memory are gone.
    pub(crate) async fn kill(mut self) -> Self {
        self.running.take().unwrap().abort();
        self.stop.cancel();
        self.engine.stop();
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join()).await.unwrap();
        let Self { home, url, clock, policy, .. } = self;
        Self::start_on(home, url, clock, policy).await
    }

    /// Repositories and work directories in the home, with a git that knows nobody's configuration.
    pub(crate) fn rooms(&self) -> Rooms {
        let environment = vec![
            ("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
            ("HOME".into(), self.home.path().into()),
        ];
        let program = GitProgram { environment, ..GitProgram::default() };
        let identity = Identity { name: "Agent Queue".to_owned(), email: "aq@example.com".to_owned() };
        let clock = Arc::clone(&self.clock);
        Rooms::new(self.home.path().to_owned(), identity, program, Arc::new(move || clock.now()))
    }

    /// What loops of the server work with.
    pub(crate) fn parts(&self) -> Parts {
        Parts {
            engine: self.engine.clone(),
            reader: self.reader.clone(),
            hub: self.hub.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            policy: Arc::new(policy()),
            wake: self.wake.clone(),
        }
    }

    /// The administrator, now.
    pub(crate) fn admin(&self) -> Context {
        Context::new(Principal::server(), self.clock.now())
    }

    /// Runs a command and wakes the orchestrator.
    pub(crate) async fn command<T: Send + 'static>(
        &self,
        command: impl FnMut(&mut Tx<'_>, &Context) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let (context, mut command) = (self.admin(), command);
        let done = self.engine.submit(move |tx| command(tx, &context)).await;
        self.wake.ring();
        done
    }

    /// A project with workspaces, and scripted agents for everybody.
    pub(crate) async fn project(&self, name: &str, spaces: usize) -> ProjectId {
        let fields = commands::projects::ProjectFields {
            name: Some(name.to_owned()),
            max_concurrent_agents: Some(u32::try_from(spaces).unwrap()),
            ..Default::default()
        };
        let home = self.home.path().to_owned();
        self.command(move |tx, context| {
            let project = commands::projects::create(tx, context, &fields)?;
            for number in 0..spaces {
                let path = home.join(format!("{}-{number}", project.id)).to_string_lossy().into_owned();
                commands::workspaces::add(tx, context, &project.id, WorkspaceKind::Init, Some(path), "", &home)?;
            }
            Ok(project.id)
        })
        .await
        .unwrap()
    }

    /// Adds scripted agents.
    pub(crate) async fn agents(&self, count: usize) {
        for number in 0..count {
            let fields = commands::agents::AgentFields {
                name: Some(format!("Agent {number}")),
                runtime: Some(RuntimeKind::Scripted),
                ..Default::default()
            };
            self.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap();
        }
    }

    /// Creates a task that waits for `after`.
    pub(crate) async fn task(&self, project: &ProjectId, title: &str, after: &[&TaskId]) -> TaskId {
        let new = new_task(project, title, after);
        let made = self.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
        made[0].task.id.clone()
    }

    /// The task as it is stored.
    pub(crate) async fn get(&self, id: &TaskId) -> Task {
        self.record(id).await.task
    }

    /// The task's record as it is stored.
    pub(crate) async fn record(&self, id: &TaskId) -> TaskRecord {
        let id = id.clone();
        self.reader.read(move |db| tasks::by_id(db, &id)).await.unwrap().unwrap()
    }

    /// The runs of a task.
    pub(crate) async fn runs(&self, id: &TaskId) -> Vec<RunRecord> {
        let key = self.record(id).await.key;
        self.reader.read(move |db| runs::of_task(db, key)).await.unwrap()
    }

    /// Waits for the first order that `pick` takes, among those given and to come, and removes it.
    pub(crate) async fn ordered<T>(&self, pick: impl Fn(&RunnerOrder) -> Option<T>) -> T {
        let wait = async {
            loop {
                let arrived = self.link.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                {
                    let mut orders = self.link.orders.lock().unwrap();
                    if let Some(index) = orders.iter().position(|order| pick(order).is_some()) {
                        return pick(&orders.remove(index)).unwrap();
                    }
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the order did not come")
    }

    /// The next start.
    pub(crate) async fn start_order(&self) -> StartRun {
        self.ordered(|order| match order {
            RunnerOrder::Start(start) => Some(start.as_ref().clone()),
            _ => None,
        })
        .await
    }

    /// True when no start waits to be taken after everything submitted so far was done.
    pub(crate) async fn nothing_started(&self) -> bool {
        self.wake.settled().await;
        !self.link.orders.lock().unwrap().iter().any(|order| matches!(order, RunnerOrder::Start(_)))
    }

    /// Lets the orchestrator do what it was woken for.
    pub(crate) async fn quiet(&self) {
        for _ in 0..3 {
            self.engine.submit(|_| Ok::<_, CommandError>(())).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    /// Reports for a run.
    pub(crate) async fn report(&self, run: &RunRef, report: RunReport) {
        self.sink.report(run.clone(), report).await.unwrap();
    }

    /// Plays a run up to its running process.
    pub(crate) async fn running(&self, run: &RunRef) {
        self.report(run, RunReport::Prepared { directory: "/work".into(), base_commit: "0".repeat(40) }).await;
        self.report(run, RunReport::Started { pid: 1 }).await;
    }

    /// Plays the agent's success and the landing.
    pub(crate) async fn succeed(&self, run: &RunRef) {
        self.running(run).await;
        let outcome = RunOutcome::Succeeded { summary: format!("did {run}") };
        self.report(run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
        let wanted = run.clone();
        self.ordered(move |order| matches!(order, RunnerOrder::Conclude(order) if order.run == wanted).then_some(())).await;
        let conclusion = Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a.txt".into()], lines_changed: 0, pushed: false };
        self.report(run, RunReport::Concluded { conclusion }).await;
    }

    /// Waits until a task has a status.
    pub(crate) async fn until(&self, id: &TaskId, status: TaskStatus) -> Task {
        for _ in 0..2000 {
            let task = self.get(id).await;
            if task.status == status {
                return task;
            }
            self.engine.submit(|_| Ok::<_, CommandError>(())).await.unwrap();
            tokio::task::yield_now().await;
        }
        panic!("task {id} is {:?}, not {status:?}", self.get(id).await.status);
    }
}

/// A task with defaults.
pub(crate) fn new_task(project: &ProjectId, title: &str, after: &[&TaskId]) -> NewTask {
    NewTask {
        key: String::new(),
        project: project.clone(),
        title: title.to_owned(),
        description: String::new(),
        priority: 100,
        task_type: None,
        after: after.iter().map(ToString::to_string).collect(),
        runtime: None,
        fallback: RuntimeSet::EMPTY,
        filler: false,
        verification: None,
        plan_approval: None,
        model: None,
        preferred_agent: None,
        attachments: Vec::new(),
        test_commands: Vec::new(),
        requires_approval: false,
        max_retries: 3,
        budget_tokens: None,
        limits: OwnLimits::default(),
        parent: None,
        is_plan_subtask: false,
        origin: TaskOrigin::Operator,
    }
}

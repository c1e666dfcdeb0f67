//! The figures that decisions are made with are the rows, seen from memory: whatever people and runners do, in whatever order, both agree.

use std::fmt::Write as _;

use aq_core::event::EventKind;
use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId};
use aq_core::output::{FailureClass, OutputBody, OutputItem, Question, QuestionKind, TokenUsage};
use aq_core::run::RunState;
use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{TaskStatus, check_invariants};
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError, Context};
use aq_server::lifecycle::{DEFAULT_SPAN_MS, Figures, OpenRun, Subject, Tx, announce, load};
use aq_server::store::{StoreError, dependencies, events, tasks};
use proptest::prelude::*;

use crate::harness::{Harness, new_task};

/// Every figure that is made from rows, as text; what only memory knows (turns of fair queueing) is left out. `mean`: with the usual cost of
/// runs, which depends on the order in which they ended.
pub(crate) fn describe(figures: &Figures, now: Timestamp, mean: bool) -> String {
    let mut text = String::new();
    let paused = figures.paused;
    writeln!(text, "paused {paused}, key {}, event {}, epoch {}", figures.last_key, figures.last_event, figures.epoch).unwrap();
    for (id, state) in &figures.projects {
        let counts: Vec<_> = state.counts.iter().filter(|(_, count)| **count > 0).collect();
        let usage = &state.usage;
        let sums = (usage.tokens_at(now), usage.completed.sum(now), usage.failed.sum(now));
        writeln!(text, "project {id}: {:?}\n  ready {:?}\n  counts {counts:?}\n  usage {sums:?}", state.project, state.ready).unwrap();
        if mean {
            writeln!(text, "  mean {:.3}", usage.mean_cost).unwrap();
        }
    }
    writeln!(text, "workspaces {:#?}\nagents {:#?}", figures.workspaces, figures.agents).unwrap();
    for (key, open) in &figures.runs {
        writeln!(text, "run of {key}: {:?}", OpenRun { conclude_due: false, kept: false, ..open.clone() }).unwrap();
    }
    writeln!(text, "trees {:?}\nlimits {:?}\ntold {:?}", figures.trees, figures.budget_limits, figures.budget_told).unwrap();
    writeln!(text, "busy {:?}\nleased {:?}\nbranches {:?}", figures.busy, figures.leased, figures.branches).unwrap();
    text
}

/// Memory and rows, read within one command.
pub(crate) async fn both(server: &Harness, mean: bool) -> (String, String) {
    let now = server.clock.now();
    let read = move |tx: &mut Tx<'_>| {
        let fresh = load(tx.db, now, DEFAULT_SPAN_MS)?;
        Ok::<_, StoreError>((describe(tx.state, now, mean), describe(&fresh, now, mean)))
    };
    server.engine.submit(read).await.unwrap()
}

/// What must hold of the rows at any time: numbers of events without holes, the rules of tasks, counted dependencies, and a live run behind
/// every live task.
pub(crate) async fn check_rows(server: &Harness) -> Result<(), String> {
    let last = server.bus.last();
    server
        .reader
        .read(move |db| {
            let numbers: Vec<_> = events::after(db, 0, i64::MAX)?.into_iter().map(|event| event.seq).collect();
            if numbers.len() as u64 != last || numbers.iter().zip(1..).any(|(found, expected)| *found != expected) {
                return Ok(Err(format!("{} events, the last published is {last}", numbers.len())));
            }
            let open: Vec<_> = aq_server::store::runs::open(db)?.into_iter().map(|run| (run.task_key, run.run.id.number)).collect();
            for status in TaskStatus::ALL {
                for record in tasks::in_status(db, *status)? {
                    let name = format!("task {} ({status})", record.key);
                    if let Err(broken) = check_invariants(&record.task) {
                        return Ok(Err(format!("{name}: {broken}")));
                    }
                    let unmet = dependencies::unmet(db, record.key)?;
                    if unmet != i64::from(record.unmet) {
                        return Ok(Err(format!("{name}: {unmet} unmet dependencies, but {} are written", record.unmet)));
                    }
                    let held = match status {
                        TaskStatus::Defined => unmet > 0,
                        TaskStatus::Ready => unmet == 0,
                        _ => true,
                    };
                    if !held {
                        return Ok(Err(format!("{name}: with {unmet} unmet dependencies")));
                    }
                    if status.is_live() && !open.contains(&(record.key, record.task.run_number)) {
                        return Ok(Err(format!("{name}: no open run {}", record.task.run_number)));
                    }
                }
            }
            Ok::<_, StoreError>(Ok(()))
        })
        .await
        .unwrap()
}

/// What a person may ask for; numbers choose among what there is.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Create { after: Vec<usize>, priority: i32, approval: bool, retries: u32, scripted: bool, step_of: Option<usize> },
    AddDependency(usize, usize),
    RemoveDependency(usize, usize),
    Stop(usize),
    Restart(usize, bool),
    Skip(usize),
    Delete(usize),
    Archive(usize),
    Restore(usize),
    Approve(usize),
    Reject(usize),
    SetStatus(usize, usize),
    Edit(usize, i32, bool),
    PauseProject(bool),
    PauseAll(bool),
    PauseAgent(usize, bool),
    AddAgent,
    DeleteAgent(usize),
}

/// What a runner may say; numbers choose among outcomes.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Prepared,
    Started,
    Tokens(u64, u64),
    Asks(u64),
    Answered(u64),
    Finished(usize),
    Concluded(usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A command.
    Ask(Ask),
    /// Commands in one batch; the marked ones fail after their work was done.
    Batch(Vec<(Ask, bool)>),
    /// The server ends in good order and starts again.
    Restart,
    /// The server is killed while it is asked for these, and starts again.
    Kill(Vec<Ask>),
    /// What an open run reports next as a rule.
    Advance(usize),
    /// A report of an open run, sensible or not.
    Say(usize, Say),
    /// A report of any run there ever was.
    Late(usize, Say),
    /// Time passes, in seconds.
    Wait(i64),
}

fn ask() -> impl Strategy<Value = Ask> {
    let which = 0_usize..40;
    let create = (
        prop::collection::vec(which.clone(), 0..3),
        0..3_i32,
        prop::bool::weighted(0.2),
        0..4_u32,
        prop::bool::weighted(0.2),
        prop::option::weighted(0.4, 0_usize..6),
    );
    prop_oneof![
        6 => create.prop_map(|(after, priority, approval, retries, scripted, step_of)| Ask::Create { after, priority, approval, retries, scripted, step_of }),
        3 => (which.clone(), which.clone()).prop_map(|(a, b)| Ask::AddDependency(a, b)),
        2 => (which.clone(), which.clone()).prop_map(|(a, b)| Ask::RemoveDependency(a, b)),
        2 => which.clone().prop_map(Ask::Stop),
        2 => (which.clone(), any::<bool>()).prop_map(|(a, feedback)| Ask::Restart(a, feedback)),
        1 => which.clone().prop_map(Ask::Skip),
        1 => which.clone().prop_map(Ask::Delete),
        2 => which.clone().prop_map(Ask::Archive),
        1 => which.clone().prop_map(Ask::Restore),
        1 => which.clone().prop_map(Ask::Approve),
        1 => which.clone().prop_map(Ask::Reject),
        2 => (which.clone(), 0_usize..11).prop_map(|(a, status)| Ask::SetStatus(a, status)),
        2 => (which.clone(), 0..3_i32, any::<bool>()).prop_map(|(a, priority, runtime)| Ask::Edit(a, priority, runtime)),
        1 => any::<bool>().prop_map(Ask::PauseProject),
        1 => any::<bool>().prop_map(Ask::PauseAll),
        1 => (which.clone(), any::<bool>()).prop_map(|(a, paused)| Ask::PauseAgent(a, paused)),
        1 => Just(Ask::AddAgent),
        1 => which.prop_map(Ask::DeleteAgent),
    ]
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        Just(Say::Prepared),
        Just(Say::Started),
        (0_u64..5, 0_u64..1000).prop_map(|(message, tokens)| Say::Tokens(message, tokens)),
        (0_u64..3).prop_map(Say::Asks),
        (0_u64..3).prop_map(Say::Answered),
        (0_usize..12).prop_map(Say::Finished),
        (0_usize..6).prop_map(Say::Concluded),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => ask().prop_map(Step::Ask),
        2 => prop::collection::vec((ask(), prop::bool::weighted(0.7)), 1..4).prop_map(Step::Batch),
        1 => Just(Step::Restart),
        1 => prop::collection::vec(ask(), 0..3).prop_map(Step::Kill),
        6 => (0_usize..8).prop_map(Step::Advance),
        4 => (0_usize..8, say()).prop_map(|(run, say)| Step::Say(run, say)),
        1 => (0_usize..40, say()).prop_map(|(run, say)| Step::Late(run, say)),
        2 => (0_i64..300).prop_map(Step::Wait),
        1 => (0_i64..72 * 3600).prop_map(Step::Wait),
    ]
}

fn pick<T: Clone>(from: &[T], which: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[which % from.len()].clone())
}

/// Carries out what was asked; the new task, if there is one.
fn perform(tx: &mut Tx<'_>, context: &Context, project: &ProjectId, known: &[TaskId], ask: &Ask) -> Result<Option<TaskId>, CommandError> {
    let nobody = || CommandError::Denied("there is none yet".into());
    let task = |which: usize| pick(known, which).ok_or_else(nobody);
    match ask {
        Ask::Create { after, priority, approval, retries, scripted, step_of } => {
            let after: Vec<_> = after.iter().filter_map(|which| pick(known, *which)).collect();
            let mut new = new_task(project, "task", &after.iter().collect::<Vec<_>>());
            new.after.dedup();
            (new.priority, new.requires_approval, new.max_retries) = (*priority, *approval, *retries);
            new.runtime = scripted.then_some(RuntimeKind::Scripted);
            // Several steps of the same few plans, so that branches are shared.
            new.parent = step_of.and_then(|which| known.get(which)).cloned();
            new.is_plan_subtask = new.parent.is_some();
            return Ok(Some(commands::create::create(tx, context, &[new])?[0].task.id.clone()));
        }
        Ask::AddDependency(a, b) => commands::edit::add_dependency(tx, context, &task(*a)?, &task(*b)?).map(|_| ())?,
        Ask::RemoveDependency(a, b) => commands::edit::remove_dependency(tx, context, &task(*a)?, &task(*b)?).map(|_| ())?,
        Ask::Stop(a) => commands::control::stop(tx, context, &task(*a)?, "").map(|_| ())?,
        Ask::Restart(a, feedback) => {
            commands::control::restart(tx, context, &task(*a)?, if *feedback { "do it better" } else { "" }).map(|_| ())?;
        }
        Ask::Skip(a) => commands::control::skip(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Delete(a) => commands::control::delete(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Archive(a) => commands::archive::archive(tx, context, &[task(*a)?]).map(|_| ())?,
        Ask::Restore(a) => commands::archive::restore(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Approve(a) => commands::control::approve(tx, context, &task(*a)?).map(|_| ())?,
        Ask::Reject(a) => commands::control::reject(tx, context, &task(*a)?, "no").map(|_| ())?,
        Ask::SetStatus(a, status) => {
            commands::control::set_status(tx, context, &task(*a)?, TaskStatus::ALL[*status], "by hand").map(|_| ())?;
        }
        Ask::Edit(a, priority, runtime) => {
            let runtime = Some(runtime.then_some(RuntimeKind::Scripted));
            let edit = commands::edit::TaskEdit { priority: Some(*priority), runtime, ..Default::default() };
            commands::edit::edit(tx, context, &task(*a)?, &edit).map(|_| ())?;
        }
        Ask::PauseProject(paused) => commands::projects::set_paused(tx, context, project, *paused).map(|_| ())?,
        Ask::PauseAll(paused) => commands::system::set_paused(tx, context, *paused, "")?,
        Ask::PauseAgent(which, paused) => {
            let agents: Vec<AgentId> = tx.state.agents.keys().cloned().collect();
            commands::agents::set_paused(tx, context, &pick(&agents, *which).ok_or_else(nobody)?, *paused).map(|_| ())?;
        }
        Ask::AddAgent => {
            let fields = commands::agents::AgentFields { runtime: Some(RuntimeKind::Scripted), ..Default::default() };
            commands::agents::create(tx, context, &fields).map(|_| ())?;
        }
        Ask::DeleteAgent(which) => {
            let agents: Vec<AgentId> = tx.state.agents.keys().cloned().collect();
            commands::agents::delete(tx, context, &pick(&agents, *which).ok_or_else(nobody)?).map(|_| ())?;
        }
    }
    Ok(None)
}

fn outcome(which: usize, now: Timestamp) -> RunOutcome {
    let failed = |class| RunOutcome::Failed { class, message: format!("it failed with {class:?}") };
    match which {
        0..=3 => RunOutcome::Succeeded { summary: "done".into() },
        4 | 5 => failed(FailureClass::Agent),
        6 => failed(FailureClass::Lost),
        7 => failed(FailureClass::Auth),
        8 => RunOutcome::Limited { window: "five_hour".into(), resets_at: Some(now.plus_millis(600_000)), message: "limit".into() },
        9 => RunOutcome::Stopped { reason: StopReason::Operator },
        10 => RunOutcome::Stopped { reason: StopReason::Shutdown },
        _ => RunOutcome::Stopped { reason: StopReason::Limit },
    }
}

fn conclusion(which: usize) -> Conclusion {
    match which {
        0 | 1 => Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a".into()], pushed: false },
        2 => Conclusion::NothingToDo,
        3 => Conclusion::VerifyFailed { command: "make".into(), exit_code: 2, tail: String::new() },
        4 => Conclusion::MergeConflict { files: vec!["a".into()] },
        _ => Conclusion::TargetDirty { path: "/home".into() },
    }
}

/// A server, a project with three workspaces, two agents, and everything that was made so far.
pub(crate) struct World {
    pub(crate) server: Harness,
    project: ProjectId,
    tasks: Vec<TaskId>,
    runs: Vec<RunRef>,
    approved: bool,
}

impl World {
    async fn new() -> Self {
        Self::on(Harness::start().await).await
    }

    pub(crate) async fn on(server: Harness) -> Self {
        server.agents(2).await;
        let project = server.project("App", 3).await;
        Self { server, project, tasks: Vec::new(), runs: Vec::new(), approved: false }
    }

    /// Lets the orchestrator do what it can.
    async fn settle(&mut self) {
        self.server.nothing_started().await;
        for run in self.open().await {
            if !self.runs.contains(&run.0) {
                self.runs.push(run.0);
            }
        }
    }

    /// Starts the server again, after an end in good order or after a kill.
    pub(crate) async fn again(mut self, killed: bool) -> Self {
        self.server = if killed { self.server.kill().await } else { self.server.restart().await };
        self.settle().await;
        self
    }

    /// Asks, and does not wait for the answers.
    pub(crate) async fn ask_and_go(&mut self, asks: &[Ask]) {
        let (engine, context) = (&self.server.engine, self.server.admin());
        let asked = futures_util::future::join_all(asks.iter().map(|ask| {
            let (context, project, known, ask) = (context.clone(), self.project.clone(), self.tasks.clone(), ask.clone());
            engine.submit(move |tx| perform(tx, &context, &project, &known, &ask))
        }));
        // Polled once they are queued; whether they are done is for the next server to see.
        if let Some(done) = futures_util::FutureExt::now_or_never(asked) {
            self.tasks.extend(done.into_iter().flatten().flatten());
        }
    }

    async fn open(&self) -> Vec<(RunRef, RunState)> {
        let read = |tx: &mut Tx<'_>| Ok::<_, StoreError>(tx.state.runs.values().map(|open| (open.run.clone(), open.state)).collect());
        self.server.engine.submit(read).await.unwrap()
    }

    async fn report(&self, run: &RunRef, say: &Say) {
        let now = self.server.clock.now();
        let next = self.server.hub.log().last_seq(run).unwrap() + 1;
        let output = |body| RunReport::Output { items: vec![OutputItem { seq: next, at: now, body }] };
        let report = match say {
            Say::Prepared => RunReport::Prepared { directory: "/work".into(), base_commit: "0".repeat(40) },
            Say::Started => RunReport::Started { pid: 7 },
            Say::Tokens(message, tokens) => output(OutputBody::Usage {
                message_id: format!("m{message}"),
                model: "test".into(),
                tokens: TokenUsage { input: *tokens, output: 1, cache_read: 2, cache_write: 3 },
                cost_micros: None,
            }),
            Say::Asks(number) => output(OutputBody::Question(Question {
                request_id: format!("q{number}"),
                kind: QuestionKind::Question,
                text: "which?".into(),
                tool: String::new(),
                detail: String::new(),
                options: Vec::new(),
            })),
            Say::Answered(number) => output(OutputBody::QuestionClosed { request_id: format!("q{number}"), answer: "this".into() }),
            Say::Finished(which) => RunReport::Finished { outcome: outcome(*which, now), exit_code: Some(0) },
            Say::Concluded(which) => RunReport::Concluded { conclusion: conclusion(*which) },
        };
        self.server.report(run, report).await;
    }

    /// Commands in one batch, some of which fail after their work: when all do, memory is afterwards what it was before.
    async fn batch(&mut self, asks: &[(Ask, bool)]) -> Result<(), String> {
        let (engine, context, now) = (&self.server.engine, self.server.admin(), self.server.clock.now());
        let look = move |tx: &mut Tx<'_>| Ok::<_, CommandError>(describe(tx.state, now, true));
        let asked = futures_util::future::join_all(asks.iter().map(|(ask, fails)| {
            let (context, project, known, ask, fails) = (context.clone(), self.project.clone(), self.tasks.clone(), ask.clone(), *fails);
            engine.submit(move |tx| {
                let made = perform(tx, &context, &project, &known, &ask)?;
                announce(tx, EventKind::SystemStarted, context.now, Subject::default(), serde_json::Value::Null)?;
                if fails { Err(CommandError::Denied("on second thoughts, no".into())) } else { Ok(made) }
            })
        }));
        // Polled together, they are queued one behind the other with nothing in between.
        let (before, done, after) = tokio::join!(engine.submit(look), asked, engine.submit(look));
        let kept = done.iter().any(Result::is_ok);
        self.tasks.extend(done.into_iter().flatten().flatten());
        let (before, after) = (before.unwrap(), after.unwrap());
        if kept || before == after { Ok(()) } else { Err(format!("a failed command left something behind\n{before}\n{after}")) }
    }

    pub(crate) async fn step(&mut self, step: &Step) -> Result<(), String> {
        self.server.clock.advance(1);
        match step {
            Step::Ask(ask) => {
                self.approved |= matches!(ask, Ask::Approve(_));
                let (project, known, ask) = (self.project.clone(), self.tasks.clone(), ask.clone());
                let done = self.server.command(move |tx, context| perform(tx, context, &project, &known, &ask)).await;
                match done {
                    Ok(made) => self.tasks.extend(made),
                    Err(error @ (CommandError::Internal(_) | CommandError::Conflict(_))) => return Err(format!("{step:?}: {error}")),
                    Err(_) => {}
                }
            }
            Step::Batch(asks) => {
                self.approved |= asks.iter().any(|(ask, _)| matches!(ask, Ask::Approve(_)));
                self.batch(asks).await?;
            }
            Step::Restart | Step::Kill(_) => {}
            Step::Advance(which) => {
                if let Some((run, state)) = pick(&self.open().await, *which) {
                    let say = match state {
                        RunState::Starting => Say::Started,
                        RunState::Running => Say::Finished(0),
                        RunState::Concluding | RunState::Ended => Say::Concluded(0),
                    };
                    self.report(&run, &say).await;
                }
            }
            Step::Say(which, say) => {
                if let Some((run, _)) = pick(&self.open().await, *which) {
                    self.report(&run, say).await;
                }
            }
            Step::Late(which, say) => {
                if let Some(run) = pick(&self.runs, *which) {
                    self.report(&run, say).await;
                }
            }
            Step::Wait(seconds) => self.server.clock.advance(seconds * 1000),
        }
        self.settle().await;
        Ok(())
    }

    async fn check(&self) -> Result<(), String> {
        let (memory, rows) = both(&self.server, !self.approved).await;
        if memory != rows {
            return Err(format!("memory:\n{memory}\nrows:\n{rows}"));
        }
        check_rows(&self.server).await
    }

    /// Lifts every pause and restarts what is blocked; then everything that is left has to come to its end.
    pub(crate) async fn finish(&mut self) -> Result<(), String> {
        let project = self.project.clone();
        self.server
            .command(move |tx, context| {
                commands::system::set_paused(tx, context, false, "")?;
                commands::projects::set_paused(tx, context, &project, false)?;
                let agents: Vec<_> = tx.state.agents.keys().cloned().collect();
                for agent in &agents {
                    commands::agents::set_paused(tx, context, agent, false)?;
                }
                if agents.is_empty() { perform(tx, context, &project, &[], &Ask::AddAgent).map(|_| ()) } else { Ok(()) }
            })
            .await
            .unwrap();
        for _ in 0..400 {
            let mut left = 0;
            for id in self.tasks.clone() {
                let wanted = id.clone();
                let Some(record) = self.server.reader.read(move |db| tasks::by_id(db, &wanted)).await.unwrap() else { continue };
                left += usize::from(record.task.status != TaskStatus::Completed);
                let known = [id];
                let ask = match record.task.status {
                    _ if record.task.is_archived() => Ask::Restore(0),
                    TaskStatus::Blocked | TaskStatus::Failed => Ask::Restart(0, false),
                    TaskStatus::AwaitingApproval if record.task.run_number == 0 => Ask::Reject(0),
                    TaskStatus::AwaitingApproval => Ask::Approve(0),
                    _ => continue,
                };
                let project = self.project.clone();
                let done = self.server.command(move |tx, context| perform(tx, context, &project, &known, &ask).map(|_| ())).await;
                if let Err(CommandError::Precondition { reason: "NOTHING_TO_LAND", .. }) = done {
                    let (id, project) = (record.task.id, self.project.clone());
                    self.server
                        .command(move |tx, context| perform(tx, context, &project, std::slice::from_ref(&id), &Ask::Reject(0)))
                        .await
                        .unwrap();
                }
            }
            let open = self.open().await;
            if left == 0 && open.is_empty() {
                return Ok(());
            }
            self.server.clock.advance(60_000);
            for (run, state) in open {
                let say = match state {
                    RunState::Starting => Say::Started,
                    RunState::Running => Say::Finished(0),
                    RunState::Concluding | RunState::Ended => Say::Concluded(0),
                };
                self.report(&run, &say).await;
            }
            self.settle().await;
        }
        let (memory, _) = both(&self.server, false).await;
        Err(format!("something is stuck:\n{memory}"))
    }
}

async fn live(steps: Vec<Step>) -> Result<(), String> {
    let mut world = World::new().await;
    for step in &steps {
        world.step(step).await?;
        match step {
            Step::Restart => world = world.again(false).await,
            Step::Kill(asks) => {
                world.ask_and_go(asks).await;
                world = world.again(true).await;
            }
            _ => {}
        }
        world.check().await.map_err(|wrong| format!("after {step:?}: {wrong}"))?;
    }
    world.server = world.server.restart().await;
    world.check().await.map_err(|wrong| format!("after the restart: {wrong}"))?;
    world.finish().await?;
    world.approved = true;
    world.check().await.map_err(|wrong| format!("at the end: {wrong}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lifecycle R1–R8, R11–R17, F-004, D-34, I-09: after every step memory equals the rows, the rules of tasks hold, events have no holes, failed
    /// commands change nothing; and in the end nothing is stuck.
    #[test]
    fn memory_is_the_rows(steps in prop::collection::vec(step(), 10..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(wrong) = runtime.block_on(live(steps)) {
            return Err(TestCaseError::fail(wrong));
        }
    }
}

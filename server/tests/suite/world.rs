//! A server whose people and runners do what a history says; what must hold of it after each step, and how it comes to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::output::{OutputBody, OutputItem, Question, QuestionKind, TokenUsage};
use aq_core::run::RunState;
use aq_core::runner_link::{Answer, RunReport, RunnerSink as _};
use aq_core::task::{TaskStatus, UNTIL_ANSWERED};
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};
use aq_server::lifecycle::{DEFAULT_SPAN_MS, Subject, Tx, announce};
use aq_server::store::{Connection, StoreError, questions, runs, tasks};

use crate::figures::{both, check_rows, describe};
use crate::harness::Harness;
use crate::history::{Ask, SET_BACK, Say, Step, conclusion, configuration, outcome, perform, pick, trouble};

/// How far behind its latest instant the clock is set back at most, in milliseconds: as far as sums over a window are right (window R2).
const BACK_MS: i64 = 3_600_000;

/// A server, a project with three workspaces, two agents, and everything that was made so far.
pub(crate) struct World {
    pub(crate) server: Harness,
    project: ProjectId,
    tasks: Vec<TaskId>,
    runs: Vec<RunRef>,
    pub(crate) approved: bool,
    /// When it began: for one window from then on, no run has left the window.
    began: Timestamp,
    /// The latest instant there was, and that the clock may have been set back from.
    latest: Timestamp,
    /// How often each kind of trouble was made.
    pub(crate) troubles: BTreeMap<&'static str, u64>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Harness::start().await).await
    }

    pub(crate) async fn on(server: Harness) -> Self {
        server.agents(2).await;
        let project = server.project("App", 3).await;
        let began = server.clock.now();
        Self { server, project, tasks: Vec::new(), runs: Vec::new(), approved: false, began, latest: began, troubles: BTreeMap::new() }
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

    /// Starts the server again with another configuration.
    pub(crate) async fn reconfigured(mut self, which: usize) -> Self {
        self.server = self.server.reconfigure(configuration(which)).await;
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

    async fn report(&mut self, run: &RunRef, say: &Say) {
        self.note(trouble(say, self.server.clock.now()));
        self.server.report(run, self.made(run, say)).await;
    }

    fn note(&mut self, trouble: Option<&'static str>) {
        if let Some(kind) = trouble {
            *self.troubles.entry(kind).or_default() += 1;
        }
    }

    fn made(&self, run: &RunRef, say: &Say) -> RunReport {
        let now = self.server.clock.now();
        let next = self.server.hub.log().last_seq(run).unwrap() + 1;
        let output = |body| RunReport::Output { items: vec![OutputItem { seq: next, at: now, body }] };
        match say {
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
        }
    }

    /// Lets the disk take `pages` pages at most; what is there already stays. The disk of another server is not ours to fill.
    async fn room(&self, pages: u32) {
        if !self.server.is_embedded() {
            return;
        }
        let limit = format!("PRAGMA max_page_count = {pages}");
        self.server.engine.submit(move |tx| tx.db.batch(&limit)).await.unwrap();
    }

    async fn ask(&mut self, step: &Step, ask: &Ask) -> Result<(), String> {
        self.approved |= matches!(ask, Ask::Approve(_));
        let (project, known, ask) = (self.project.clone(), self.tasks.clone(), ask.clone());
        let done = self.server.command(move |tx, context| perform(tx, context, &project, &known, &ask)).await;
        match done {
            Ok(made) => self.tasks.extend(made),
            Err(error @ (CommandError::Internal(_) | CommandError::Conflict(_))) => return Err(format!("{step:?}: {error}")),
            Err(_) => {}
        }
        Ok(())
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
        if !matches!(step, Step::Still(_)) {
            self.server.clock.advance(1);
        }
        if self.server.is_embedded() || !matches!(step, Step::Full(..)) {
            self.note(step.trouble());
        }
        match step {
            Step::Ask(ask) | Step::Still(ask) => self.ask(step, ask).await?,
            Step::Batch(asks) => {
                self.approved |= asks.iter().any(|(ask, _)| matches!(ask, Ask::Approve(_)));
                self.batch(asks).await?;
            }
            Step::Restart | Step::Reconfigure(_) | Step::Kill(_) => {}
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
            Step::Twice(which, say) => {
                if let Some((run, _)) = pick(&self.open().await, *which) {
                    self.note(trouble(say, self.server.clock.now()));
                    let report = self.made(&run, say);
                    self.server.report(&run, report.clone()).await;
                    self.server.report(&run, report).await;
                }
            }
            Step::Wait(seconds) => self.server.clock.advance(seconds * 1000),
            Step::Back(seconds) => {
                let left = self.server.clock.now().plus_millis(BACK_MS).millis_since(self.latest);
                self.server.clock.advance(-left.min(seconds * 1000));
            }
            Step::Full(asks, which, say) => {
                self.room(1).await;
                for ask in asks {
                    self.ask(step, ask).await?;
                }
                let reporting = pick(&self.open().await, *which).map(|(run, _)| {
                    self.note(trouble(say, self.server.clock.now()));
                    let (sink, report) = (Arc::clone(&self.server.sink), self.made(&run, say));
                    tokio::spawn(async move { sink.report(run, report).await })
                });
                // A report that finds no room is not given up: it is taken as soon as there is some.
                self.settle().await;
                self.room(u32::MAX - 1).await;
                if let Some(reported) = reporting {
                    reported.await.unwrap().unwrap();
                }
            }
        }
        self.latest = self.latest.max(self.server.clock.now());
        self.settle().await;
        Ok(())
    }

    pub(crate) async fn check(&self) -> Result<(), String> {
        // The usual cost is made from the runs of the window when read, but in memory from every run since the start (lifecycle R15); and rows are read in the order of
        // their instants, which is not the one in which runs ended when the clock was set back, and none at all for two that ended at one instant.
        let within = self.server.clock.now() < self.began.plus_millis(DEFAULT_SPAN_MS);
        let ends = self.server.reader.read(|db| runs::ended_since(db, Timestamp::from_millis(0))).await.unwrap();
        let apart = ends.windows(2).all(|pair| pair[0].1 != pair[1].1);
        let ordered = within && apart && !self.approved && !self.troubles.contains_key(SET_BACK);
        let (memory, rows) = both(&self.server, ordered).await;
        if memory != rows {
            return Err(format!("memory:\n{memory}\nrows:\n{rows}"));
        }
        check_rows(&self.server).await
    }

    /// A person answers everything that a task asked.
    async fn answer_all(&self, id: &TaskId) {
        let id = id.clone();
        let answered = self.server.command(move |tx, context| {
            let key = tasks::by_id(tx.db, &id)?.ok_or(StoreError::NotFound)?.key;
            for waiting in questions::waiting_of_task(tx.db, key)? {
                let answer = match waiting.question.kind {
                    QuestionKind::Question => Answer::Text("go on".into()),
                    QuestionKind::Permission | QuestionKind::PlanApproval => Answer::Allow,
                };
                commands::questions::answer(tx, context, &id, &waiting.question.request_id, answer, None)?;
            }
            Ok(())
        });
        answered.await.unwrap();
    }

    /// Learns of tasks whose creation a kill left unanswered: they are there, and nobody was told their names.
    async fn learn(&mut self) {
        let read = |db: &mut Connection| {
            let mut ids = Vec::new();
            for status in TaskStatus::ALL {
                ids.extend(tasks::in_status(db, *status)?.into_iter().map(|record| record.task.id));
            }
            Ok::<_, StoreError>(ids)
        };
        let there = self.server.reader.read(read).await.unwrap();
        self.tasks.extend(there.into_iter().filter(|id| !self.tasks.contains(id)).collect::<Vec<_>>());
    }

    /// Lifts every pause, answers what was asked and restarts what is blocked; then everything that is left has to come to its end.
    pub(crate) async fn finish(&mut self) -> Result<(), String> {
        self.learn().await;
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
        self.settle().await;
        for _ in 0..400 {
            let mut left = 0;
            for id in self.tasks.clone() {
                let wanted = id.clone();
                let Some(record) = self.server.reader.read(move |db| tasks::by_id(db, &wanted)).await.unwrap() else { continue };
                left += usize::from(record.task.status != TaskStatus::Completed);
                if record.task.resume_after == Some(UNTIL_ANSWERED) {
                    self.answer_all(&id).await;
                    self.settle().await;
                    continue;
                }
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
                self.settle().await;
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

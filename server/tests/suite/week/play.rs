//! The players: runners and agents that follow the orders of the real orchestrator and spend what the provider gives, and the person who answers late.
//!
//! Nothing here rings the orchestrator for an instant: its own timers have to wake it, on tokio's clock that moves along with the server's.

use std::collections::BTreeMap;
use std::time::Duration;

use aq_core::ids::{AgentId, RunRef, TaskId};
use aq_core::output::{LimitNotice, LimitStatus, OutputBody, OutputItem, Question, QuestionKind, TokenUsage};
use aq_core::run::RunState;
use aq_core::runner_link::{Answer, Conclusion, RunOutcome, RunReport, RunnerOrder, SessionOrder, StartRun};
use aq_core::task::UNTIL_ANSWERED;
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};

use super::opening::{self, patience};
use super::provider::{Plan, RATE, SPAWN, plans};
use super::trace::Work;
use crate::harness::Harness;

/// Tokens of a session's first message, of a later one, and of reading a session again.
const FIRST: u64 = 500;
const MESSAGE: u64 = 24_000;
const READ_AGAIN: u64 = 20_000;

/// How far a task is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    did: u64,
    read_again: u64,
    failed: usize,
    answered: bool,
    done: bool,
}

/// A run that a player holds.
#[derive(Clone, Debug)]
struct Live {
    task: usize,
    plan: usize,
    /// Tokens of the message under way, and whether the provider cut it short.
    message: (u64, bool),
    /// Output items so far.
    items: u64,
    up: bool,
    asks: bool,
    lands: bool,
}

#[derive(Clone, Debug)]
enum Event {
    Up(RunRef),
    Said(RunRef),
    Landed(RunRef),
    Answered(usize),
    /// The server has something to do by itself.
    Due,
}

/// The server with its players.
pub(super) struct Week {
    server: Option<Harness>,
    origin: Timestamp,
    pub(super) work: Vec<Work>,
    pub(super) ids: Vec<TaskId>,
    numbers: BTreeMap<TaskId, usize>,
    places: BTreeMap<AgentId, usize>,
    progress: Vec<Progress>,
    /// What the provider gave and told.
    pub(super) plans: Vec<Plan>,
    runs: BTreeMap<RunRef, Live>,
    agenda: BTreeMap<(i64, u64), Event>,
    events: u64,
    /// Starts on an account whose window was used up.
    pub(super) launches_exhausted: usize,
    /// Starts in all.
    pub(super) launches: usize,
}

impl Week {
    /// Everything is queued, and nothing has begun.
    pub(super) async fn new(server: Harness, work: Vec<Work>) -> Self {
        let places = opening::hire(&server).await;
        let projects = opening::projects(&server).await;
        let origin = server.clock.now();
        let ids = opening::queue(&server, &projects, &work).await;
        Self {
            server: Some(server),
            origin,
            progress: vec![Progress::default(); work.len()],
            work,
            numbers: ids.iter().enumerate().map(|(number, id)| (id.clone(), number)).collect(),
            ids,
            places,
            plans: plans(),
            runs: BTreeMap::new(),
            agenda: BTreeMap::new(),
            events: 0,
            launches_exhausted: 0,
            launches: 0,
        }
    }

    pub(super) fn server(&self) -> &Harness {
        self.server.as_ref().unwrap()
    }

    /// Milliseconds since the beginning.
    pub(super) fn now(&self) -> i64 {
        self.server().clock.now().millis_since(self.origin)
    }

    /// Tokens of work that was done and is not lost.
    pub(super) fn kept(&self) -> u64 {
        self.progress.iter().map(|progress| progress.did).sum()
    }

    /// Tasks whose work has landed.
    pub(super) fn done(&self) -> usize {
        self.progress.iter().filter(|progress| progress.done).count()
    }

    fn plan_for(&mut self, after: i64, event: Event) {
        self.events += 1;
        self.agenda.insert((self.now() + after, self.events), event);
    }

    /// The server ends, in good order or not, and starts again.
    pub(super) async fn again(&mut self, killed: bool) {
        let server = self.server.take().unwrap();
        self.server = Some(if killed { server.kill().await } else { server.restart().await });
        self.settle().await;
    }

    /// Lets time pass up to the next instant at which anything is due, and does it. False when nothing ever will be.
    pub(super) async fn step(&mut self) -> bool {
        let next = self.agenda.keys().next().map(|(at, _)| *at).into_iter().chain(self.known_to_server().await).min();
        let Some(next) = next else { return false };
        let wait = (next - self.now()).max(0);
        self.server().clock.advance(wait);
        tokio::time::advance(Duration::from_millis(wait.unsigned_abs() + 1)).await;
        let now = self.now();
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Event::Up(run) => self.up(&run).await,
                Event::Said(run) => self.said(&run).await,
                Event::Landed(run) => self.landed(&run).await,
                Event::Answered(task) => self.answer(task).await,
                Event::Due => {}
            }
        }
        self.settle().await;
        true
    }

    /// The next instant that the server waits for: a paused task's, or the reset of a window.
    async fn known_to_server(&self) -> Option<i64> {
        let now = self.server().clock.now();
        let next = self.server().engine.submit(move |tx| {
            let resets = tx.state.accounts.values().flat_map(|account| account.windows.iter().filter_map(|window| window.resets_at));
            let timers = tx.state.timers.iter().map(|(at, _)| *at).take(1);
            Ok::<_, CommandError>(resets.chain(timers).filter(|at| *at > now && *at < UNTIL_ANSWERED).min())
        });
        next.await.unwrap().map(|at| at.millis_since(self.origin))
    }

    /// Follows orders until there are none.
    pub(super) async fn settle(&mut self) {
        for _ in 0..10_000 {
            self.server().quiet().await;
            let orders = self.server().link.take();
            if orders.is_empty() && self.nothing_ordered().await {
                return;
            }
            for order in orders {
                self.follow(order).await;
            }
        }
        panic!("the server gives no rest");
    }

    /// True when every open run is where its player thinks it is.
    async fn nothing_ordered(&self) -> bool {
        let open = self.server().engine.submit(|tx| {
            Ok::<_, CommandError>(
                tx.state.runs.values().map(|open| (open.run.clone(), open.state, open.stopping.is_some())).collect::<Vec<_>>(),
            )
        });
        let open = open.await.unwrap();
        open.iter().all(|(run, state, stopping)| {
            let played = self.runs.get(run);
            !stopping && played.is_some_and(|live| *state != RunState::Concluding || live.lands)
        })
    }

    async fn follow(&mut self, order: RunnerOrder) {
        match order {
            RunnerOrder::Start(start) => self.start(&start),
            RunnerOrder::Attach { start, .. } => {
                assert!(self.runs.contains_key(&start.run), "{} is nobody's", start.run);
                self.server().report(&start.run, RunReport::Started { pid: 1 }).await;
            }
            RunnerOrder::Conclude(order) => {
                let live = self.runs.get_mut(&order.run).unwrap();
                if !std::mem::replace(&mut live.lands, true) {
                    self.plan_for(5_000, Event::Landed(order.run));
                }
            }
            RunnerOrder::Stop { run, reason } => {
                if self.runs.remove(&run).is_some() {
                    let outcome = RunOutcome::Stopped { reason };
                    self.server().report(&run, RunReport::Finished { outcome, exit_code: None }).await;
                }
            }
            RunnerOrder::Answer { run, request_id, .. } => {
                if self.runs.get_mut(&run).is_some_and(|live| std::mem::replace(&mut live.asks, false)) {
                    self.say(&run, vec![OutputBody::QuestionClosed { request_id, answer: "yes".into() }]).await;
                    self.go_on(&run, MESSAGE).await;
                }
            }
            RunnerOrder::Message { .. }
            | RunnerOrder::Clear { .. }
            | RunnerOrder::Release { .. }
            | RunnerOrder::Retire { .. }
            | RunnerOrder::Sweep { .. } => {}
        }
    }

    fn start(&mut self, start: &StartRun) {
        if self.runs.contains_key(&start.run) {
            return;
        }
        let (task, plan) = (self.numbers[&start.run.task], self.places[&start.agent]);
        assert!(self.runs.values().all(|live| live.task != task), "{} has two runs", start.run.task);
        self.launches += 1;
        self.launches_exhausted += usize::from(self.plans[plan].is_exhausted(self.now()));
        let progress = &mut self.progress[task];
        match start.session {
            SessionOrder::Fresh { .. } => (progress.did, progress.read_again) = (0, 0),
            SessionOrder::Resume { .. } => progress.read_again = if progress.did > 0 { READ_AGAIN } else { 0 },
        }
        let live = Live { task, plan, message: (0, false), items: 0, up: false, asks: false, lands: false };
        self.runs.insert(start.run.clone(), live);
        self.plan_for(SPAWN, Event::Up(start.run.clone()));
    }

    async fn up(&mut self, run: &RunRef) {
        let Some(live) = self.runs.get_mut(run) else { return };
        live.up = true;
        self.server().running(run).await;
        self.go_on(run, FIRST).await;
    }

    async fn say(&mut self, run: &RunRef, bodies: Vec<OutputBody>) {
        let at = self.server().clock.now();
        let live = self.runs.get_mut(run).unwrap();
        let first = live.items + 1;
        live.items += bodies.len() as u64;
        let items = bodies.into_iter().zip(first..).map(|(body, seq)| OutputItem { seq, at, body }).collect();
        self.server().report(run, RunReport::Output { items }).await;
    }

    async fn end(&mut self, run: &RunRef, outcome: RunOutcome) {
        self.runs.remove(run);
        self.server().report(run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    }

    /// Begins the next message of at most `most` tokens, or whatever else comes now.
    async fn go_on(&mut self, run: &RunRef, most: u64) {
        let now = self.now();
        let live = self.runs[run].clone();
        let (work, progress) = (&self.work[live.task], self.progress[live.task]);
        let fails = work.fails.get(progress.failed).copied();
        let asks = work.asks.filter(|_| !progress.answered);
        if let Some((_, class)) = fails.filter(|(at, _)| progress.did >= *at) {
            self.progress[live.task].failed += 1;
            return self.end(run, RunOutcome::Failed { class, message: format!("it failed with {class:?}") }).await;
        }
        if let Some(asks) = asks.filter(|asks| progress.did >= asks.at) {
            let (project, answered) = (work.project, asks.answered_after);
            self.runs.get_mut(run).unwrap().asks = true;
            let question = Question {
                request_id: "q".into(),
                kind: QuestionKind::Question,
                text: "which way?".into(),
                tool: String::new(),
                detail: String::new(),
                options: Vec::new(),
            };
            self.say(run, vec![OutputBody::Question(question)]).await;
            self.plan_for(patience(project), Event::Due);
            if let Some(after) = answered {
                self.plan_for(after, Event::Answered(live.task));
            }
            return;
        }
        if progress.did >= work.tokens {
            let summary = format!("did {run}");
            return self.server().report(run, RunReport::Finished { outcome: RunOutcome::Succeeded { summary }, exit_code: Some(0) }).await;
        }
        let stops = [Some(work.tokens), fails.map(|(at, _)| at), asks.map(|asks| asks.at)];
        let until = stops.into_iter().flatten().min().unwrap();
        let wanted = (progress.read_again + until - progress.did).min(most);
        let got = self.plans[live.plan].take(now, wanted);
        if got == 0 {
            return self.refuse(run, live.plan).await;
        }
        self.runs.get_mut(run).unwrap().message = (got, got < wanted);
        self.plan_for((got * 1_000 / RATE).max(1).cast_signed(), Event::Said(run.clone()));
    }

    /// A message is through.
    async fn said(&mut self, run: &RunRef) {
        let Some(live) = self.runs.get(run).cloned() else { return };
        let (tokens, cut) = live.message;
        let progress = &mut self.progress[live.task];
        let again = progress.read_again.min(tokens);
        progress.read_again -= again;
        progress.did += tokens - again;
        let usage = TokenUsage { input: tokens, ..TokenUsage::default() };
        let mut bodies =
            vec![OutputBody::Usage { message_id: format!("m{}", live.items), model: "m".into(), tokens: usage, cost_micros: None }];
        let (now, origin) = (self.now(), self.origin);
        for window in self.plans[live.plan].windows.iter().filter(|window| now < window.end) {
            // Providers tell whole percents.
            let used = (100 - (window.left * 100).div_ceil(window.size)) as f64 / 100.0;
            bodies.push(OutputBody::Limit(LimitNotice {
                window: window.name.into(),
                status: LimitStatus::Allowed,
                used: Some(used),
                resets_at: Some(origin.plus_millis(window.end)),
                source: "model".into(),
            }));
        }
        self.say(run, bodies).await;
        if cut && self.plans[live.plan].is_exhausted(now) { self.refuse(run, live.plan).await } else { self.go_on(run, MESSAGE).await }
    }

    async fn refuse(&mut self, run: &RunRef, plan: usize) {
        let window = *self.plans[plan].refused(self.now()).unwrap();
        let resets_at = Some(self.origin.plus_millis(window.end));
        let notice =
            LimitNotice { window: window.name.into(), status: LimitStatus::Rejected, used: Some(1.0), resets_at, source: "model".into() };
        self.say(run, vec![OutputBody::Limit(notice)]).await;
        let message = "You've hit your limit".into();
        self.end(run, RunOutcome::Limited { window: window.name.into(), resets_at, message }).await;
    }

    async fn landed(&mut self, run: &RunRef) {
        let Some(live) = self.runs.remove(run) else { return };
        self.progress[live.task].done = true;
        let conclusion = Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a".into()], lines_changed: 0, pushed: false };
        self.server().report(run, RunReport::Concluded { conclusion }).await;
    }

    /// The person answers, in time or not.
    pub(super) async fn answer(&mut self, task: usize) {
        self.progress[task].answered = true;
        let id = self.ids[task].clone();
        let text = Answer::Text("that way".into());
        let told = self.server().command(move |tx, context| commands::questions::answer(tx, context, &id, "", text.clone(), None)).await;
        if let Some(order) = told.unwrap().1 {
            self.follow(order).await;
        }
    }
}

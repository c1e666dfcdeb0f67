//! The course of the loop: start, work, kill, and a look at everything now and then. Strikes beside the kills of the server are made in `hunter`.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::books::{Books, Call, Creation, Fate, Project};
use super::calls::{Said, insist, read};
use super::check::Wanted;
use super::figures::Figures;
use super::hunter::Hunter;
use super::server::{Den, Server};
use super::strikes::{Part, Strike};
use super::{check, git, leftovers};

/// Open tasks per agent that the loop keeps up.
const LOAD: usize = 4;

/// How long everything may take to settle when nobody is killed any more.
const SETTLED: Duration = Duration::from_secs(240);

/// What to do.
pub(crate) struct Plan {
    /// The server program.
    pub(crate) program: PathBuf,
    /// Where everything is put.
    pub(crate) folder: PathBuf,
    /// What random choices are made from.
    pub(crate) seed: u64,
    /// How many processes to kill.
    pub(crate) kills: usize,
    /// What to kill besides the server.
    pub(crate) also: Vec<Part>,
    /// Agents at work.
    pub(crate) agents: usize,
    /// Kills between two checks.
    pub(crate) check_every: usize,
    /// Longest time for killing.
    pub(crate) time: Option<Duration>,
}

/// Open tasks.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// Those that can still move.
    moving: usize,
    /// Those of them that count as work for the agents.
    busy: usize,
}

struct Storm<'a> {
    plan: &'a Plan,
    den: Den,
    rng: StdRng,
    books: Books,
    figures: Figures,
    /// Kills since the last check.
    unchecked: usize,
}

/// What a life of the server is for.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// It ends before the server is ready.
    early: bool,
    /// Everything is looked at.
    check: bool,
    /// It is the last one, and nobody is killed any more.
    last: bool,
}

/// Runs the loop. Promises that do not hold are in the figures; the error says why the loop could not go on.
pub(crate) async fn run(plan: &Plan) -> Result<Figures, String> {
    std::fs::create_dir_all(&plan.folder).map_err(|error| format!("{} cannot be made: {error}", plan.folder.display()))?;
    let den = Den::new(&plan.program, &plan.folder)?;
    let mut books = Books::default();
    books.again = !plan.also.is_empty();
    let mut hunter = Hunter::new(den.home(), &plan.also, plan.seed);
    let mut storm = Storm { plan, den, rng: StdRng::seed_from_u64(plan.seed), books, figures: Figures::default(), unchecked: 0 };
    let begun = Instant::now();
    loop {
        let last = storm.figures.kills() >= plan.kills || plan.time.is_some_and(|time| begun.elapsed() >= time);
        let early = !last && !storm.books.projects.is_empty() && storm.rng.random_range(0..100) < 12;
        let life = Life { early, check: last || (!early && storm.unchecked >= plan.check_every), last };
        // One of the kills that are left is that of the server. Nobody else is killed while everything is looked at.
        let most = if life.check { 0 } else { plan.kills - storm.figures.kills() - 1 };
        let mut server = storm.den.start()?;
        let (goes_on, strikes) = tokio::join!(storm.life(&mut server, life), hunter.hunt(most));
        storm.note(strikes);
        if !goes_on? {
            break;
        }
    }
    leftovers::look(storm.den.home(), &storm.books, &mut storm.figures).await;
    leftovers::read_log(&storm.den.new_log(), &mut storm.figures);
    storm.figures.tasks = storm.books.known.len();
    Ok(storm.figures)
}

impl Storm<'_> {
    /// One life of the server, from its start to its kill. False: there is no other after it.
    async fn life(&mut self, server: &mut Server, life: Life) -> Result<bool, String> {
        if life.early {
            sleep(Duration::from_millis(self.rng.random_range(0..=250))).await;
            server.kill()?;
            self.figures.early_kills += 1;
        } else {
            let (connection, time) = match server.ready().await {
                Ok(ready) => ready,
                Err(error) => {
                    self.figures.violation(format!("after kill {}: {error}", self.figures.kills()));
                    return Ok(false);
                }
            };
            self.figures.ready.push(time);
            if self.books.projects.is_empty() {
                self.set_up(&connection).await?;
            }
            let open = self.open(&connection).await?;
            if life.check {
                self.unchecked = 0;
                self.settle(&connection).await?;
                check::everything(&connection, &mut self.books, &mut self.figures).await?;
                self.tell();
            }
            if life.last {
                leftovers::let_go(self.den.home()).await;
                drop(connection);
                if let Err(error) = server.stop().await {
                    self.figures.violation(format!("the server {error}"));
                }
                return Ok(false);
            }
            self.live(server, &connection, open.busy).await?;
        }
        self.figures.server_kills += 1;
        self.unchecked += 1;
        Ok(true)
    }

    /// Notes who was killed besides.
    fn note(&mut self, strikes: Vec<Strike>) {
        for strike in strikes {
            match strike.part {
                Part::Shim => self.figures.shim_kills += 1,
                Part::Agent => self.figures.agent_kills += 1,
            }
            self.unchecked += 1;
            self.books.strikes.note(strike);
        }
    }

    async fn set_up(&mut self, connection: &Connection) -> Result<(), String> {
        for number in 0..self.plan.agents {
            let request = pb::CreateAgentRequest {
                runtime: pb::Runtime::Scripted.into(),
                request_id: format!("agent-{number}"),
                ..Default::default()
            };
            insist("an agent", || {
                let (mut agents, request) = (connection.agents(), request.clone());
                async move { agents.create_agent(request).await }
            })
            .await?;
        }
        for name in ["north", "south"] {
            let repository = git::create(&self.plan.folder, name)?;
            let request = pb::CreateProjectRequest {
                name: name.to_owned(),
                max_concurrent_agents: Some(2),
                repo_url: repository.to_string_lossy().into_owned(),
                request_id: format!("project-{name}"),
                ..Default::default()
            };
            let made = insist("a project", || {
                let (mut projects, request) = (connection.projects(), request.clone());
                async move { projects.create_project(request).await }
            })
            .await?;
            self.books.projects.push(Project { id: made.id, repository });
        }
        Ok(())
    }

    /// The open tasks that can still move, each with an explanation.
    async fn open(&mut self, connection: &Connection) -> Result<Open, String> {
        let listed = check::tasks(connection, Wanted::Open).await?;
        if !self.plan.also.is_empty() {
            // Asked for behind the open ones: what is blocked in between was open just now, and is seen here at the next look.
            for task in check::tasks(connection, Wanted::Blocked).await? {
                self.books.blocked(&task.id);
            }
        }
        let waiting: BTreeSet<&str> = self.books.with_fate(Fate::Waits).map(|known| known.id.as_str()).collect();
        let mut open = Open::default();
        for task in listed {
            if task.waiting_for.is_empty() && task.status() != pb::TaskStatus::Completed {
                self.figures.violation(format!("{} is {} and nothing says why", task.title, task.status().as_str_name()));
            }
            if !waiting.contains(task.id.as_str()) {
                open.moving += 1;
                // Runs that are struck leave many tasks waiting for their next try; the agents would run out of work.
                open.busy += usize::from(self.plan.also.is_empty() || task.status() != pb::TaskStatus::Paused);
            }
        }
        Ok(open)
    }

    /// Works with the server until it is killed at a random instant.
    async fn live(&mut self, server: &mut Server, connection: &Connection, open: usize) -> Result<(), String> {
        let life = Duration::from_millis(self.rng.random_range(0..=400));
        let killed = Cell::new(false);
        let killer = async {
            sleep(life).await;
            killed.set(true);
            server.kill()
        };
        let (outcome, ()) = tokio::join!(killer, self.work(connection, open, &killed));
        outcome
    }

    async fn work(&mut self, connection: &Connection, mut open: usize, killed: &Cell<bool>) {
        let load = self.plan.agents * LOAD;
        while !killed.get() {
            if let Some(creation) = self.books.pending.pop_front() {
                open += creation.wanted.len();
                self.create(connection, creation, killed).await;
            } else if let Some((creation, ids)) = self.books.repeats.pop() {
                self.repeat(connection, creation, &ids, killed).await;
            } else if open < load {
                let new = self.books.make_up(&mut self.rng);
                self.books.pending.extend(new);
            } else {
                sleep(Duration::from_millis(self.rng.random_range(1..20))).await;
                let answer = connection.admin().get_status(pb::GetStatusRequest::default()).await;
                if let Said::No(status) = read(answer, killed.get()) {
                    self.figures.violation(format!("the status was refused: {:?}: {}", status.code(), status.message()));
                }
            }
        }
    }

    /// Sends a creation; without an answer it stays pending and is sent again, the same.
    async fn create(&mut self, connection: &Connection, mut creation: Creation, killed: &Cell<bool>) {
        if creation.sent > 0 {
            self.figures.sent_again += 1;
        }
        creation.sent += 1;
        match send(connection, &creation.call, killed).await {
            Said::Yes(ids) => {
                if let Err(error) = self.books.acknowledged(&creation, &ids) {
                    self.figures.violation(error);
                }
                if self.rng.random_range(0..8) == 0 {
                    self.books.repeats.push((creation, ids));
                }
            }
            Said::Gone => self.books.pending.push_back(creation),
            Said::Later => {
                self.figures.put_off += 1;
                self.books.pending.push_back(creation);
                sleep(Duration::from_millis(20)).await;
            }
            Said::No(status) => {
                let keys: Vec<_> = creation.wanted.iter().map(|wanted| wanted.key.as_str()).collect();
                self.figures.violation(format!("creating {} was refused: {:?}: {}", keys.join(" "), status.code(), status.message()));
            }
        }
    }

    /// Sends an acknowledged creation once more: the answer has to be the same.
    async fn repeat(&mut self, connection: &Connection, creation: Creation, ids: &[String], killed: &Cell<bool>) {
        match send(connection, &creation.call, killed).await {
            Said::Yes(again) if again == ids => self.figures.repeated += 1,
            Said::Yes(again) => {
                self.figures.violation(format!("a repeated creation answered {} instead of {}", again.join(" "), ids.join(" ")));
            }
            Said::Gone | Said::Later => self.books.repeats.push((creation, ids.to_vec())),
            Said::No(status) => {
                self.figures.violation(format!("a repeated creation was refused: {:?}: {}", status.code(), status.message()));
            }
        }
    }

    /// Waits until everything is acknowledged and every task has ended as it has to, or cannot go on.
    async fn settle(&mut self, connection: &Connection) -> Result<(), String> {
        let never = Cell::new(false);
        let begun = Instant::now();
        loop {
            while let Some(creation) = self.books.pending.pop_front() {
                self.create(connection, creation, &never).await;
            }
            while let Some((creation, ids)) = self.books.repeats.pop() {
                self.repeat(connection, creation, &ids, &never).await;
            }
            if self.open(connection).await?.moving == 0 {
                return Ok(());
            }
            if begun.elapsed() > SETTLED {
                break;
            }
            sleep(Duration::from_millis(200)).await;
        }
        let waiting: BTreeSet<String> = self.books.with_fate(Fate::Waits).map(|known| known.id.clone()).collect();
        for task in check::tasks(connection, Wanted::Open).await?.into_iter().filter(|task| !waiting.contains(&task.id)) {
            let status = task.status().as_str_name();
            self.figures.violation(format!("{} ({}) is stuck in {status}: {}", task.title, task.id, task.waiting_for));
        }
        Ok(())
    }

    /// A line for whoever watches.
    #[expect(clippy::print_stdout, reason = "the loop talks to people")]
    fn tell(&mut self) {
        leftovers::read_log(&self.den.new_log(), &mut self.figures);
        let Figures { checks, violations, .. } = &self.figures;
        let kills = self.figures.kills();
        println!("check {checks}: {kills} kills, {} tasks, {} violations", self.books.known.len(), violations.len());
        for violation in violations {
            println!("  ! {violation}");
        }
    }
}

async fn send(connection: &Connection, call: &Call, killed: &Cell<bool>) -> Said<Vec<String>> {
    match call {
        Call::One(request) => {
            let answer = connection.tasks().create_task(request.as_ref().clone()).await;
            match read(answer, killed.get()) {
                Said::Yes(task) => Said::Yes(vec![task.id]),
                Said::Later => Said::Later,
                Said::Gone => Said::Gone,
                Said::No(status) => Said::No(status),
            }
        }
        Call::Several(request) => {
            let answer = connection.tasks().batch_create_tasks(request.clone()).await;
            match read(answer, killed.get()) {
                Said::Yes(answer) => Said::Yes(answer.tasks.into_iter().map(|task| task.id).collect()),
                Said::Later => Said::Later,
                Said::Gone => Said::Gone,
                Said::No(status) => Said::No(status),
            }
        }
    }
}

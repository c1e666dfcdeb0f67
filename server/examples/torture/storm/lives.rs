//! The course of the loop: start, work, kill, and a look at everything now and then. Strikes beside the kills of the server are made in `hunter`.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::super::books::{Books, Fate, Project};
use super::super::calls::insist;
use super::super::check::Wanted;
use super::super::figures::Figures;
use super::super::hunter::Hunter;
use super::super::server::{Den, Server};
use super::super::strikes::{Part, Strike};
use super::super::{check, git, leftovers};

/// Open tasks per agent that the loop keeps up.
pub(super) const LOAD: usize = 4;

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
    /// Longest time for killing; of a soak, its time.
    pub(crate) time: Option<Duration>,
    /// A soak: about how long it is from one trouble to the next. `None`: the loop of kills.
    pub(crate) soak: Option<Duration>,
}

impl Plan {
    /// The longest nap of a script. In a soak they are long enough for many agents not to be too much for the machine.
    fn nap(&self) -> Duration {
        self.soak.map_or(Duration::from_millis(300), |pause| pause / 6)
    }
}

/// Open tasks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    /// Those that can still move.
    pub(super) moving: usize,
    /// Those of them that count as work for the agents.
    pub(super) busy: usize,
}

/// What the loop knows and what it goes by.
pub(super) struct Storm<'a> {
    pub(super) plan: &'a Plan,
    pub(super) den: Den,
    pub(super) rng: StdRng,
    pub(super) books: Books,
    pub(super) figures: Figures,
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
    let books = Books::new(!plan.also.is_empty(), plan.nap());
    let hunter = Hunter::new(den.home(), &plan.also, plan.seed);
    let mut storm = Storm { plan, den, rng: StdRng::seed_from_u64(plan.seed), books, figures: Figures::default(), unchecked: 0 };
    match plan.soak {
        None => storm.kills(hunter).await?,
        Some(pause) => storm.soak(hunter, pause).await?,
    }
    leftovers::look(storm.den.home(), &storm.books, &mut storm.figures).await;
    leftovers::read_log(&storm.den.new_log(), &mut storm.figures);
    storm.figures.tasks = storm.books.known.len();
    Ok(storm.figures)
}

impl Storm<'_> {
    /// Lives of the server, one after another, until enough processes are killed.
    async fn kills(&mut self, mut hunter: Hunter) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let last = self.figures.kills() >= self.plan.kills || self.plan.time.is_some_and(|time| begun.elapsed() >= time);
            let early = !last && !self.books.projects.is_empty() && self.rng.random_range(0..100) < 12;
            let life = Life { early, check: last || (!early && self.unchecked >= self.plan.check_every), last };
            // One of the kills that are left is that of the server. Nobody else is killed while everything is looked at.
            let most = if life.check { 0 } else { self.plan.kills - self.figures.kills() - 1 };
            let mut server = self.den.start()?;
            let (goes_on, strikes) = tokio::join!(self.life(&mut server, life), hunter.hunt(most));
            self.note(strikes);
            match goes_on {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return self.blame(&mut server, error),
            }
        }
    }

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
                self.check(&connection).await?;
            }
            if life.last {
                leftovers::let_go(self.den.home()).await;
                drop(connection);
                self.stop(server).await;
                return Ok(false);
            }
            self.live(server, &connection, open.busy).await?;
        }
        self.figures.server_kills += 1;
        self.unchecked += 1;
        Ok(true)
    }

    /// Waits until everything is settled, and looks at it.
    pub(super) async fn check(&mut self, connection: &Connection) -> Result<(), String> {
        self.unchecked = 0;
        self.settle(connection).await?;
        check::everything(connection, &mut self.books, &mut self.figures).await?;
        self.tell();
        Ok(())
    }

    /// What could not be done because the server had ended by itself is a promise that it broke; any other error is the loop's own.
    pub(super) fn blame(&mut self, server: &mut Server, error: String) -> Result<(), String> {
        let Some(status) = server.fallen() else { return Err(error) };
        self.figures.violation(format!("after kill {}: the server ended by itself ({status}): {error}", self.figures.kills()));
        Ok(())
    }

    /// Ends the server as a person would.
    pub(super) async fn stop(&mut self, server: &mut Server) {
        if let Err(error) = server.stop().await {
            self.figures.violation(format!("the server {error}"));
        }
    }

    /// Notes who was killed besides.
    pub(super) fn note(&mut self, strikes: Vec<Strike>) {
        for strike in strikes {
            match strike.part {
                Part::Shim => self.figures.shim_kills += 1,
                Part::Agent => self.figures.agent_kills += 1,
            }
            self.unchecked += 1;
            self.books.strikes.note(strike);
        }
    }

    pub(super) async fn set_up(&mut self, connection: &Connection) -> Result<(), String> {
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
        let projects = ["north", "south"];
        // Each has room for its part of the agents, so that neither can take all of them.
        let most = u32::try_from(self.plan.agents.div_ceil(projects.len())).map_err(|error| error.to_string())?;
        for name in projects {
            let repository = git::create(&self.plan.folder, name)?;
            let request = pb::CreateProjectRequest {
                name: name.to_owned(),
                max_concurrent_agents: Some(most),
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
    pub(super) async fn open(&mut self, connection: &Connection) -> Result<Open, String> {
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
    pub(super) async fn live(&mut self, server: &mut Server, connection: &Connection, open: usize) -> Result<(), String> {
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

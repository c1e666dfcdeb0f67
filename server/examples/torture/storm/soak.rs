//! The long course: servers that live, agents that work, and a trouble now and then, while what the server needs is measured. How that is judged stands in
//! `watch`.

use std::cell::Cell;
use std::time::Duration;

use aq_proto::client::{Connection, Options, discover};
use aq_proto::v1 as pb;
use rand::Rng as _;
use rand::rngs::StdRng;
use rustix::process::{Signal, kill_process};
use tokio::time::{Instant, sleep};
use tonic::Streaming;

use super::super::calls::insist;
use super::super::history;
use super::super::hunter::Hunter;
use super::super::leftovers;
use super::super::server::Server;
use super::super::strikes::Part;
use super::super::watch::Watch;
use super::lives::Storm;

/// How often the server is looked at and its agents are given work.
const LOOK: Duration = Duration::from_secs(2);

/// Streams that a follower opens who never reads.
const DEAF: usize = 10;

/// Troubles of a soak. The course of a task that they may change is that of a strike, which the books know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// The server is killed at work.
    Kill,
    /// The server is ended and started as a person would.
    Restart,
    /// The server stands still for some seconds, as on a machine that sleeps.
    Freeze,
    /// A shim or an agent is killed.
    Strike(Part),
    /// A client opens streams and does not read, until the next one does or the server goes.
    Deaf,
    /// Scheduling is paused for a while.
    Pause,
    /// A backup is made while agents work.
    Backup,
}

impl Trouble {
    fn any(rng: &mut StdRng) -> Self {
        match rng.random_range(0..30) {
            // Lives of many troubles: what grows slowly is seen in those only.
            0 => Self::Kill,
            1 => Self::Restart,
            2..6 => Self::Freeze,
            6..14 => Self::Strike(Part::Shim),
            14..22 => Self::Strike(Part::Agent),
            22..26 => Self::Deaf,
            26..28 => Self::Pause,
            _ => Self::Backup,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kills of the server",
            Self::Restart => "restarts",
            Self::Freeze => "standstills",
            Self::Strike(Part::Shim) => "kills of shims",
            Self::Strike(Part::Agent) => "kills of agents",
            Self::Deaf => "clients that do not read",
            Self::Pause => "pauses",
            Self::Backup => "backups",
        }
    }
}

/// A server that is ready, and who is connected to it.
struct Alive {
    server: Server,
    connection: Connection,
    deaf: Vec<Streaming<pb::WatchEventsResponse>>,
}

impl Storm<'_> {
    /// The whole soak: troubles about `pause` apart, until its time is over.
    pub(super) async fn soak(&mut self, hunter: Hunter, pause: Duration) -> Result<(), String> {
        let mut watch = Watch::begin(self.plan.time.unwrap_or_default(), self.plan.agents);
        let outcome = match self.rise().await? {
            None => Ok(()),
            Some(mut alive) => match self.troubled(&mut alive, hunter, pause, &mut watch).await {
                Ok(()) => {
                    watch.judge(&mut self.figures);
                    Ok(())
                }
                Err(error) => self.blame(&mut alive.server, error),
            },
        };
        self.figures.needs = Some(watch.needs());
        outcome
    }

    /// The servers of a soak, until the last one is ended or one does not come back.
    async fn troubled(&mut self, alive: &mut Alive, mut hunter: Hunter, pause: Duration, watch: &mut Watch) -> Result<(), String> {
        let begun = Instant::now();
        let time = self.plan.time.unwrap_or_default();
        let mut unchecked = 0;
        self.set_up(&alive.connection).await?;
        while begun.elapsed() < time {
            let next = pause.mul_f64(self.rng.random_range(0.5..1.5)).min(time.saturating_sub(begun.elapsed()));
            self.calm(alive, next, watch).await?;
            if unchecked >= self.plan.check_every {
                self.check(&alive.connection).await?;
                history::clear_away(&mut self.books)?;
                unchecked = 0;
            }
            let trouble = Trouble::any(&mut self.rng);
            *self.figures.troubles.entry(trouble.name()).or_default() += 1;
            if !self.make(trouble, alive, &mut hunter, watch).await? {
                return Ok(());
            }
            unchecked += 1;
        }
        self.check(&alive.connection).await?;
        leftovers::let_go(self.den.home()).await;
        self.stop(&mut alive.server).await;
        Ok(())
    }

    /// A server, started and waited for. `None`: it does not come back, which is noted.
    async fn rise(&mut self) -> Result<Option<Alive>, String> {
        let mut server = self.den.start()?;
        match server.ready().await {
            Ok((connection, time)) => {
                self.figures.ready.push(time);
                Ok(Some(Alive { server, connection, deaf: Vec::new() }))
            }
            Err(error) => {
                self.figures.violation(format!("after kill {}: {error}", self.figures.kills()));
                Ok(None)
            }
        }
    }

    /// The next server in the place of one that is gone. False: it does not come back.
    async fn follow(&mut self, alive: &mut Alive, watch: &mut Watch) -> Result<bool, String> {
        let Some(next) = self.rise().await? else { return Ok(false) };
        *alive = next;
        watch.new_life();
        Ok(true)
    }

    /// Gives the agents work for a while, and looks at the server.
    async fn calm(&mut self, alive: &Alive, time: Duration, watch: &mut Watch) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            let mut open = self.open(&alive.connection).await?.busy;
            while self.ask(&alive.connection, &mut open, &Cell::new(false)).await {}
            watch.look(alive.server.pid(), self.den.home());
            sleep(LOOK.min(time)).await;
        }
        Ok(())
    }

    /// Makes a trouble. False: the server does not come back from it.
    async fn make(&mut self, trouble: Trouble, alive: &mut Alive, hunter: &mut Hunter, watch: &mut Watch) -> Result<bool, String> {
        match trouble {
            Trouble::Kill => {
                let open = self.open(&alive.connection).await?.busy;
                self.live(&mut alive.server, &alive.connection, open).await?;
                self.figures.server_kills += 1;
                return self.follow(alive, watch).await;
            }
            Trouble::Restart => {
                alive.deaf.clear();
                self.stop(&mut alive.server).await;
                return self.follow(alive, watch).await;
            }
            Trouble::Freeze => {
                let pid = alive.server.pid().ok_or("the server has no process")?;
                let signal = |signal| kill_process(pid, signal).map_err(|error| format!("the server cannot be signalled: {error}"));
                signal(Signal::STOP)?;
                sleep(Duration::from_millis(self.rng.random_range(500..5_000))).await;
                signal(Signal::CONT)?;
            }
            Trouble::Strike(part) => {
                let strikes = hunter.strike_at(part, 2);
                self.note(strikes);
            }
            Trouble::Deaf => alive.deaf = self.deaf().await?,
            Trouble::Pause => {
                insist("a pause", || {
                    let mut admin = alive.connection.admin();
                    async move { admin.pause_scheduling(pb::PauseSchedulingRequest::default()).await }
                })
                .await?;
                let time = Duration::from_millis(self.rng.random_range(1_000..10_000));
                self.calm(alive, time, watch).await?;
                insist("the end of a pause", || {
                    let mut admin = alive.connection.admin();
                    async move { admin.resume_scheduling(pb::ResumeSchedulingRequest::default()).await }
                })
                .await?;
            }
            Trouble::Backup => {
                let backup = insist("a backup", || {
                    let mut admin = alive.connection.admin();
                    async move { admin.create_backup(pb::CreateBackupRequest::default()).await }
                })
                .await?;
                // A day of them would need more room than everything else.
                std::fs::remove_file(&backup.path).map_err(|error| format!("the backup {}: {error}", backup.path))?;
            }
        }
        Ok(true)
    }

    /// Streams of all events on a connection of their own, which nobody reads.
    async fn deaf(&self) -> Result<Vec<Streaming<pb::WatchEventsResponse>>, String> {
        let address = discover(self.den.home()).map_err(|error| error.to_string())?;
        let connection = Connection::connect(&Options::new(address.endpoint, address.api_key)).await.map_err(|error| error.to_string())?;
        let mut streams = Vec::with_capacity(DEAF);
        for _ in 0..DEAF {
            let request = pb::WatchEventsRequest { after_seq: Some(0), follow: true, ..Default::default() };
            streams.push(
                insist("a stream of events", || {
                    let (mut events, request) = (connection.events(), request.clone());
                    async move { events.watch_events(request).await }
                })
                .await?,
            );
        }
        Ok(streams)
    }
}

//! What the loop asks of a living server: creations, acknowledged ones once more, and that everything settles.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;
use rand::Rng as _;
use tokio::time::{Instant, sleep};

use super::super::books::{Call, Creation, Fate};
use super::super::calls::{Said, read};
use super::super::check::{self, Wanted};
use super::lives::{LOAD, Storm};

/// How long everything may take to settle when nobody is killed any more.
const SETTLED: Duration = Duration::from_secs(240);

/// For so many naps longer, because tasks wait for each other in long rows.
const NAPS: u32 = 60;

impl Storm<'_> {
    /// Creates, repeats and asks until the server is killed.
    pub(super) async fn work(&mut self, connection: &Connection, mut open: usize, killed: &Cell<bool>) {
        while !killed.get() {
            if self.ask(connection, &mut open, killed).await {
                continue;
            }
            sleep(Duration::from_millis(self.rng.random_range(1..20))).await;
            let answer = connection.admin().get_status(pb::GetStatusRequest::default()).await;
            if let Said::No(status) = read(answer, killed.get()) {
                self.figures.violation(format!("the status was refused: {:?}: {}", status.code(), status.message()));
            }
        }
    }

    /// One step for the agents to have work: what has no answer yet, what is to be sent once more, something new. False: they have enough.
    pub(super) async fn ask(&mut self, connection: &Connection, open: &mut usize, killed: &Cell<bool>) -> bool {
        if let Some(creation) = self.books.pending.pop_front() {
            *open += creation.wanted.len();
            self.create(connection, creation, killed).await;
        } else if let Some((creation, ids)) = self.books.repeats.pop() {
            self.repeat(connection, creation, &ids, killed).await;
        } else if *open < self.plan.agents * LOAD {
            let new = self.books.make_up(&mut self.rng);
            self.books.pending.extend(new);
        } else {
            return false;
        }
        true
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
    pub(super) async fn settle(&mut self, connection: &Connection) -> Result<(), String> {
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
            if begun.elapsed() > SETTLED + self.books.nap * NAPS {
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

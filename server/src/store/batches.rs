//! How waiting commands share a transaction, and how one that fails is taken back.
//!
//! Commands queue up while a batch is being written and share the next commit, so that durability costs one synchronisation for all of
//! them. What comes while a batch runs is for the next one: their callers work while this one is written, which is faster than one large batch
//! after the other. A command that fails takes back what it did to the connection and to the state. Where several share a batch, that needs a savepoint before
//! each, which makes the database copy every page that the command changes; most batches hold no command that fails, so they are tried without, and
//! one that turns out to hold such a command is taken back whole and run again with savepoints. Answers, and the facts that others are told, leave only
//! after the commit. A batch whose commit fails is taken back whole and run again command by command, so that one bad command cannot take its
//! neighbours along. Where the database is behind a connection that breaks, nobody knows whether the last commit happened: the writer ends, and a new
//! start reads the state from what was stored. A command that panics is one that fails: its caller is told of the defect, and the writer goes on.
//!
//! Who queues them, and waits for the answers, is the business of `writer`.

use std::any::Any;
use std::sync::Arc;

use tokio::sync::RwLock;

use super::dialect::Connection;
use super::error::StoreError;
use super::queue::OnlyExit;
use super::tx::{State, Tx, guarded};

/// Most commands in one batch; bounds the latency of the first one.
const MAX_BATCH: usize = 512;

/// Facts after which a batch takes no further command: what is large, or comes in numbers, holds others up for no longer than that.
const MAX_FACTS: usize = 256;

/// How many batches keep their savepoints after one in which a command failed: whoever sends commands that fail makes few batches run twice.
const CAREFUL: u32 = 32;

/// A command's body, without its answer.
pub(super) type Run<S> = Box<dyn FnMut(&mut Tx<'_, S>) -> Result<(), StoreError> + Send>;

/// Tells the caller of a command what became of it.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A queued command. `run` may be called more than once: the effects of all calls but the last were taken back.
pub(super) struct Job<S: State> {
    pub(super) run: Run<S>,
    pub(super) reply: Reply,
}

/// Something that is only to be let go of.
type Spent = Box<dyn Any + Send>;

/// Why nothing of a batch was written.
struct Unwritten {
    error: StoreError,
    /// False: no command ran.
    begun: bool,
}

/// What became of the commands of a batch before it was committed.
enum Ran {
    /// What they did is to be kept; those that failed are taken back already.
    Kept,
    /// The first command failed, and has its answer: nothing is to be kept.
    Nothing,
    /// One failed where there was no savepoint to go back to: the batch has to run again.
    Again,
}

/// The thread that writes.
pub(super) struct Loop<S: State> {
    connection: Connection,
    /// Held from the first change to the commit. Fair, so that neither looks nor batches wait for more than one of the others.
    state: Arc<RwLock<S>>,
    publish: Box<dyn FnMut(Vec<S::Fact>) -> Spent + Send>,
    /// What is left of the facts that were told; let go of when the answers have left.
    spent: Option<Spent>,
    /// The connection broke.
    lost: bool,
    /// How many batches to come have a savepoint before each command.
    careful: u32,
}

impl<S: State> Loop<S> {
    pub(super) fn new<R: Send + 'static>(
        connection: Connection,
        state: Arc<RwLock<S>>,
        mut publish: impl FnMut(Vec<S::Fact>) -> R + Send + 'static,
    ) -> Self {
        let publish = move |facts| Box::new(publish(facts)) as Spent;
        Self { connection, state, publish: Box::new(publish), spent: None, lost: false, careful: 0 }
    }

    /// Writes what is queued until the queue ends, or the connection is lost.
    pub(super) fn run(mut self, queue: &OnlyExit<Job<S>>) {
        let mut over = None;
        while let Some((asker, first)) = queue.0.wait(over.take()) {
            over = Some(asker);
            let mut left = queue.0.waiting();
            let mut more = || {
                left = left.checked_sub(1)?;
                let (asker, job) = queue.0.next(over.take())?;
                over = Some(asker);
                Some(job)
            };
            self.write(vec![first], &mut more);
            if self.lost {
                break;
            }
        }
    }

    /// Writes a batch that begins with these commands and goes on with `more` of them.
    fn write(&mut self, mut batch: Vec<Job<S>>, more: &mut dyn FnMut() -> Option<Job<S>>) {
        let mut written = self.attempt(&mut batch, more);
        if matches!(written, Ok(false)) {
            self.careful = CAREFUL;
            written = self.attempt(&mut batch, &mut || None);
        }
        match written {
            Ok(_) => {
                for job in batch {
                    (job.reply)(Ok(()));
                }
                self.spent = None;
            }
            Err(Unwritten { error, .. }) if self.is_lost() => {
                tracing::error!(%error, "the connection to the database was lost; the writer ends");
                for job in batch {
                    let text = "the connection was lost; whether this was kept shows after the restart";
                    (job.reply)(Err(StoreError::Unavailable(text.to_owned())));
                }
            }
            Err(Unwritten { error, begun }) if !begun || batch.len() == 1 => {
                // A transaction that could not even begin is no command's fault: trying them one by one would only make each wait for the lock again.
                tracing::error!(%error, commands = batch.len(), "nothing can be written");
                for job in batch {
                    (job.reply)(Err(error.again()));
                }
            }
            Err(Unwritten { error, .. }) => {
                tracing::warn!(%error, commands = batch.len(), "a batch could not be written; trying its commands one by one");
                for job in batch {
                    self.write(vec![job], &mut || None);
                }
            }
        }
    }

    /// True when the connection broke, now or before.
    fn is_lost(&mut self) -> bool {
        self.lost = self.lost || (self.connection.commits_over_a_wire() && !self.connection.is_alive());
        self.lost
    }

    /// Runs the batch in one transaction, and `more` with it. False: what is in the batch now has to run again, carefully. An error or false means that
    /// nothing of it was kept.
    fn attempt(&mut self, batch: &mut Vec<Job<S>>, more: &mut dyn FnMut() -> Option<Job<S>>) -> Result<bool, Unwritten> {
        if let Err(error) = self.connection.begin_write() {
            // What waits would only meet the same.
            let left = MAX_BATCH.saturating_sub(batch.len());
            batch.extend(std::iter::from_fn(more).take(left));
            return Err(Unwritten { error, begun: false });
        }
        let mut facts = Vec::new();
        let shared = Arc::clone(&self.state);
        let mut state = shared.blocking_write();
        let done = self.run_all(&mut state, batch, more, &mut facts);
        let written = done.and_then(|ran| {
            match ran {
                Ran::Kept => self.connection.commit(),
                Ran::Nothing | Ran::Again => self.connection.roll_back(),
            }
            .map(|()| ran)
        });
        match written {
            Ok(Ran::Again) => {
                state.undo_batch();
                Ok(false)
            }
            Ok(Ran::Kept | Ran::Nothing) => {
                state.settle();
                drop(state);
                self.careful = self.careful.saturating_sub(1);
                if !facts.is_empty() {
                    // The batch is durable: whoever is told of it must not be able to end the writer, nor keep answers back.
                    match guarded(|| Ok::<_, StoreError>((self.publish)(facts))) {
                        Ok(spent) => self.spent = Some(spent),
                        Err(error) => tracing::error!(%error, "the facts of a batch could not be told; readers find them in the store"),
                    }
                }
                Ok(true)
            }
            Err(error) => {
                state.undo_batch();
                // After some failures the database has rolled back by itself and says so; either way no transaction is left open.
                if let Err(rollback) = self.connection.roll_back() {
                    tracing::debug!(error = %rollback, "rollback after a failed batch");
                }
                Err(Unwritten { error, begun: true })
            }
        }
    }

    /// Runs what is in the batch, and `more` until it is full.
    fn run_all(
        &mut self,
        state: &mut S,
        batch: &mut Vec<Job<S>>,
        more: &mut dyn FnMut() -> Option<Job<S>>,
        facts: &mut Vec<S::Fact>,
    ) -> Result<Ran, StoreError> {
        let mut next = 0;
        loop {
            // The first command needs no savepoint while there is no other to be kept.
            let (careful, alone) = (self.careful > 0, batch.len() == 1);
            let Some(job) = batch.get_mut(next) else {
                if batch.len() >= MAX_BATCH || facts.len() >= MAX_FACTS {
                    return Ok(Ran::Kept);
                }
                let Some(job) = more() else { return Ok(Ran::Kept) };
                batch.push(job);
                continue;
            };
            let done = if careful && !alone { self.run_apart(state, job, facts)? } else { self.run_one(state, job, facts) };
            if !done && alone {
                state.undo();
                facts.clear();
                return Ok(Ran::Nothing);
            }
            if !done && !careful {
                return Ok(Ran::Again);
            }
            next += 1;
        }
    }

    /// Runs a command behind a savepoint; false: it failed, and what it did is taken back.
    fn run_apart(&mut self, state: &mut S, job: &mut Job<S>, facts: &mut Vec<S::Fact>) -> Result<bool, StoreError> {
        self.connection.mark()?;
        let announced = facts.len();
        let done = self.run_one(state, job, facts);
        if done {
            self.connection.keep()?;
        } else {
            self.connection.take_back()?;
            state.undo();
            facts.truncate(announced);
        }
        Ok(done)
    }

    /// Runs a command and keeps what it did to the state; false: it failed, and what it did is still there.
    fn run_one(&mut self, state: &mut S, job: &mut Job<S>, facts: &mut Vec<S::Fact>) -> bool {
        state.begin();
        let done = (job.run)(&mut Tx { db: &mut self.connection, state: &mut *state, facts }).is_ok();
        if done {
            state.keep();
        }
        done
    }
}

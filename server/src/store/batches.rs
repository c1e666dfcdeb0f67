//! How waiting commands share a transaction, and how one that fails is taken back.
//!
//! Commands queue up while a batch is being written and share the next commit, so that durability costs one synchronisation for all of
//! them. A command that fails takes back what it did to the connection and to the state. Where several share a batch, that needs a savepoint before
//! each, which makes the database copy every page that the command changes; most batches hold no command that fails, so they are tried without, and
//! one that turns out to hold such a command is taken back whole and run again with savepoints. Answers, and the facts that others are told, leave only
//! after the commit. A batch whose commit fails is taken back whole and run again command by command, so that one bad command cannot take its
//! neighbours along. Where the database is behind a connection that breaks, nobody knows whether the last commit happened: the writer ends, and a new
//! start reads the state from what was stored. A command that panics is one that fails: its caller is told of the defect, and the writer goes on.
//!
//! Who queues them, and waits for the answers, is the business of `writer`.

use std::any::Any;
use std::sync::{Arc, mpsc};

use tokio::sync::RwLock;

use super::dialect::Connection;
use super::error::StoreError;
use super::tx::{State, Tx, guarded};

/// Most commands in one batch; bounds the latency of the first one.
const MAX_BATCH: usize = 512;

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

/// What is queued.
pub(super) enum Message<S: State> {
    Job(Job<S>),
    Stop,
}

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
    /// The only command failed, and has its answer: nothing is to be kept.
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

    /// Writes what is queued until it is told to stop, or the connection is lost.
    pub(super) fn run(mut self, receiver: &mpsc::Receiver<Message<S>>) {
        let mut stopping = false;
        while !stopping && !self.lost {
            let Ok(first) = receiver.recv() else { break };
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Job(job) => batch.push(job),
                    Message::Stop => stopping = true,
                }
                if !stopping && batch.len() < MAX_BATCH {
                    next = receiver.try_recv().ok();
                }
            }
            self.write(batch);
        }
    }

    fn write(&mut self, mut batch: Vec<Job<S>>) {
        if batch.is_empty() {
            return;
        }
        let mut written = self.attempt(&mut batch);
        if matches!(written, Ok(false)) {
            self.careful = CAREFUL;
            written = self.attempt(&mut batch);
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
                    self.write(vec![job]);
                }
            }
        }
    }

    /// True when the connection broke, now or before.
    fn is_lost(&mut self) -> bool {
        self.lost = self.lost || (self.connection.commits_over_a_wire() && !self.connection.is_alive());
        self.lost
    }

    /// Runs the whole batch in one transaction. False: it has to run again, carefully. An error or false means that nothing of it was kept.
    fn attempt(&mut self, batch: &mut [Job<S>]) -> Result<bool, Unwritten> {
        self.connection.begin_write().map_err(|error| Unwritten { error, begun: false })?;
        let mut facts = Vec::new();
        let shared = Arc::clone(&self.state);
        let mut state = shared.blocking_write();
        let done = match batch {
            [alone] => Ok(self.run_alone(&mut state, alone, &mut facts)),
            _ if self.careful == 0 => Ok(self.run_together(&mut state, batch, &mut facts)),
            _ => self.run_apart(&mut state, batch, &mut facts),
        };
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

    /// Runs a command that has the transaction for itself.
    fn run_alone(&mut self, state: &mut S, job: &mut Job<S>, facts: &mut Vec<S::Fact>) -> Ran {
        if self.run_one(state, job, facts) {
            return Ran::Kept;
        }
        state.undo();
        facts.clear();
        Ran::Nothing
    }

    /// Runs commands that share a transaction and are expected to succeed.
    fn run_together(&mut self, state: &mut S, batch: &mut [Job<S>], facts: &mut Vec<S::Fact>) -> Ran {
        if batch.iter_mut().all(|job| self.run_one(state, job, facts)) { Ran::Kept } else { Ran::Again }
    }

    /// Runs commands that share a transaction, each of which may fail by itself.
    fn run_apart(&mut self, state: &mut S, batch: &mut [Job<S>], facts: &mut Vec<S::Fact>) -> Result<Ran, StoreError> {
        for job in batch {
            self.connection.mark()?;
            let announced = facts.len();
            if self.run_one(state, job, facts) {
                self.connection.keep()?;
            } else {
                self.connection.take_back()?;
                state.undo();
                facts.truncate(announced);
            }
        }
        Ok(Ran::Kept)
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

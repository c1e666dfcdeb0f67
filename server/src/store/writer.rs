//! The one writer: a thread that owns the write connection and the state that hot decisions read.
//!
//! Commands queue up while a batch is being written and share the next commit, so that durability costs one synchronisation for all of
//! them. A command that fails takes back what it did to the connection and to the state. Where several share a batch, that needs a savepoint before
//! each, which makes the database copy every page that the command changes; most batches hold no command that fails, so they are tried without, and
//! one that turns out to hold such a command is taken back whole and run again with savepoints. Answers, and the facts that others are told, leave only
//! after the commit. A batch whose commit fails is taken back whole and run again command by command, so that one bad command cannot take its
//! neighbours along. Where the database is behind a connection that breaks, nobody knows whether the last commit happened: the writer ends, and a new
//! start reads the state from what was stored. A command that panics is one that fails: its caller is told of the defect, and the writer goes on.
//!
//! What the state is and what the commands do live elsewhere (`lifecycle`, `commands`, `orchestrator`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::sync::{RwLock, oneshot, watch};

use super::dialect::Connection;
use super::error::StoreError;
use crate::background::panic_text;

/// Most commands in one batch; bounds the latency of the first one.
const MAX_BATCH: usize = 512;

/// How many batches keep their savepoints after one in which a command failed: whoever sends commands that fail makes few batches run twice.
const CAREFUL: u32 = 32;

/// State that lives beside the database and changes only together with it.
pub trait State: Send + Sync + 'static {
    /// A fact that others are told after the commit.
    type Fact: Send + 'static;

    /// Starts remembering changes of one command.
    fn begin(&mut self);
    /// Takes back every change since [`State::begin`].
    fn undo(&mut self);
    /// Keeps the changes since [`State::begin`], still subject to [`State::undo_batch`].
    fn keep(&mut self);
    /// Takes back every change since the last [`State::settle`].
    fn undo_batch(&mut self);
    /// A place among the changes so far, for [`State::undo_to`].
    fn place(&self) -> usize;
    /// Takes back every change since `place`.
    fn undo_to(&mut self, place: usize);
    /// The batch is durable: forget how to take it back.
    fn settle(&mut self);
}

/// What a command works with: the open transaction, the state, and the facts it announces.
pub struct Tx<'a, S: State> {
    /// The write connection, inside the batch's transaction.
    pub db: &'a mut Connection,
    /// The state beside the database.
    pub state: &'a mut S,
    facts: &'a mut Vec<S::Fact>,
}

impl<S: State> Tx<'_, S> {
    /// Announces a fact; subscribers learn of it after the commit.
    pub fn announce(&mut self, fact: S::Fact) {
        self.facts.push(fact);
    }

    /// What was announced since the command began, and before it by the commands of the same batch.
    #[must_use]
    pub fn announced(&self) -> &[S::Fact] {
        self.facts
    }

    /// Does a part of the command by itself: when it fails or panics, its rows, its changes of the state and its facts are taken back, and
    /// nothing else is. The inner answer is the part's own.
    ///
    /// # Errors
    /// When the database refuses the savepoint itself; the whole command has to fail then.
    pub fn apart<T, E: From<StoreError>>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<Result<T, E>, StoreError> {
        self.db.mark_part()?;
        let (place, announced) = (self.state.place(), self.facts.len());
        let done = guarded(|| part(self));
        if done.is_ok() {
            self.db.keep_part()?;
        } else {
            self.state.undo_to(place);
            self.facts.truncate(announced);
            self.db.take_back_part()?;
        }
        Ok(done)
    }
}

/// Runs `work`; a panic in it is an error. What it changed is taken back by whoever called, so nothing half-done is ever looked at.
pub(super) fn guarded<T, E: From<StoreError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref()).to_owned();
        tracing::error!(panic = %text, "a command panicked; what it did is taken back");
        Err(StoreError::Panicked(text).into())
    })
}

/// A command's body, without its answer.
type Run<S> = Box<dyn FnMut(&mut Tx<'_, S>) -> Result<(), StoreError> + Send>;

type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A queued command. `run` may be called more than once: the effects of all calls but the last were taken back.
struct Job<S: State> {
    run: Run<S>,
    reply: Reply,
}

enum Message<S: State> {
    Job(Job<S>),
    Stop,
}

/// A handle to the writer; cheap to clone.
pub struct Writer<S: State> {
    sender: mpsc::Sender<Message<S>>,
    state: Arc<RwLock<S>>,
    /// Its sender lives on the thread and goes with it.
    alive: watch::Receiver<()>,
}

impl<S: State> Clone for Writer<S> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), state: Arc::clone(&self.state), alive: self.alive.clone() }
    }
}

/// Joins the writer's thread when the server ends.
pub struct WriterThread {
    thread: thread::JoinHandle<()>,
}

impl WriterThread {
    /// Waits until the writer has written what was queued before [`Writer::stop`]. Blocking.
    pub fn join(self) {
        // A panic of the writer was reported when it happened; the process is ending either way.
        let _ended = self.thread.join();
    }
}

impl<S: State> Writer<S> {
    /// Starts the thread. `publish` is called on it with the facts of each batch, right after the commit and before the answers leave.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no thread can be started.
    pub fn start(
        connection: Connection,
        state: S,
        publish: impl FnMut(Vec<S::Fact>) + Send + 'static,
    ) -> Result<(Self, WriterThread), StoreError> {
        let (sender, receiver) = mpsc::channel();
        let (life, alive) = watch::channel(());
        let state = Arc::new(RwLock::new(state));
        let written = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("aq-writer".to_owned())
            .spawn(move || {
                Loop { connection, state: written, publish: Box::new(publish), lost: false, careful: 0 }.run(&receiver);
                drop(life);
            })
            .map_err(|error| StoreError::Unavailable(format!("cannot start the writer thread: {error}")))?;
        Ok((Self { sender, state, alive }, WriterThread { thread }))
    }

    /// Runs `command` in the next batch and answers when it is durable.
    ///
    /// `command` may run twice (see the module header), so it must depend on nothing but its arguments, the database and the state.
    ///
    /// # Errors
    /// The command's own error, or [`StoreError`] (as `E`) when the batch could not be committed or the writer has ended.
    pub async fn submit<T, E>(&self, command: impl FnMut(&mut Tx<'_, S>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let receiver = self.enqueue(command);
        receiver.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Like [`Writer::submit`], for threads that are not asynchronous. Blocking.
    ///
    /// # Errors
    /// As [`Writer::submit`].
    pub fn submit_blocking<T, E>(&self, command: impl FnMut(&mut Tx<'_, S>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.enqueue(command).blocking_recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Shows the state as the last commit left it. Until `look` returns nothing is written, so that rows read meanwhile fit the state; keep it
    /// short. Waits for the batch that is being written, and not for one that waits for the database. Blocking.
    pub fn see<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.state.blocking_read())
    }

    fn enqueue<T, E>(&self, mut command: impl FnMut(&mut Tx<'_, S>) -> Result<T, E> + Send + 'static) -> oneshot::Receiver<Result<T, E>>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let slot = Arc::new(std::sync::Mutex::new(None));
        let filled = Arc::clone(&slot);
        let job = Job {
            run: Box::new(move |tx| {
                let answer = guarded(|| command(tx));
                let failed = answer.is_err();
                *filled.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(answer);
                // The writer only needs to know that this command failed; the caller gets the command's own error.
                if failed { Err(StoreError::Refused(String::new())) } else { Ok(()) }
            }),
            reply: Box::new(move |outcome| {
                let answer = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                let answer = match (outcome, answer) {
                    (Ok(()), Some(answer)) => answer,
                    (Ok(()), None) => Err(StoreError::Closed.into()),
                    // A full disk may take back the whole transaction at once. What the command itself met says more than what that did
                    // to the batch, and is just as true: nothing of it was kept.
                    (Err(_), Some(Err(own))) => Err(own),
                    (Err(error), _) => Err(error.into()),
                };
                // A caller that gave up waiting does not want the answer; what was written stays written.
                let _unwanted = sender.send(answer);
            }),
        };
        // When the writer has ended, dropping the job drops the sender and the caller sees `Closed`.
        let _ended = self.sender.send(Message::Job(job));
        receiver
    }

    /// Waits until the writer has ended: after [`Writer::stop`], when the connection to the database was lost, or by a defect. Nothing can be
    /// written any more; the server has to go down and start anew.
    pub async fn ended(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }

    /// Ends the writer after everything queued so far.
    pub fn stop(&self) {
        let _already_ended = self.sender.send(Message::Stop);
    }
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

struct Loop<S: State> {
    connection: Connection,
    /// Held from the first change to the commit. Fair, so that neither looks nor batches wait for more than one of the others.
    state: Arc<RwLock<S>>,
    publish: Box<dyn FnMut(Vec<S::Fact>) + Send>,
    /// The connection broke.
    lost: bool,
    /// How many batches to come have a savepoint before each command.
    careful: u32,
}

impl<S: State> Loop<S> {
    fn run(mut self, receiver: &mpsc::Receiver<Message<S>>) {
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
                    let told = guarded(|| {
                        (self.publish)(facts);
                        Ok::<_, StoreError>(())
                    });
                    if let Err(error) = told {
                        tracing::error!(%error, "the facts of a batch could not be told; readers find them in the store");
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

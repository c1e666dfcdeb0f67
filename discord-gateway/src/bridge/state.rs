//! The shared state: small, in memory only; what has to survive is with the server.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cards::Cards;
use super::openings::Openings;
use crate::backend::{Backend, RunRecord};
use crate::chat::Buffers;
use crate::clock::Clock;
use crate::config::DiscordSection;
use crate::discord::Written;
use crate::outbound::Outbound;
use crate::render::Step;
use crate::routing::{Channels, Place, Recent};

/// Threads whose run was looked up; more are looked up again.
const KNOWN_THREADS: usize = 2048;

/// A run that is followed.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// What the agent did last.
    pub(crate) step: Step,
}

/// A turn of the chat that goes on.
#[derive(Debug, Default)]
struct Turn {
    cancelled: Arc<tokio::sync::Notify>,
    /// The sign that it is being thought about.
    sign: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    buffers: Buffers,
    turns: HashMap<u64, Turn>,
    channels: Channels,
    recent: Recent,
    boot: i64,
    bot: u64,
    application: u64,
    threads: HashMap<u64, Option<(String, u32)>>,
    notes: HashMap<u64, (String, u64)>,
    followed: HashMap<(String, u32), Followed>,
    cards: HashMap<u64, Cards>,
    openings: HashMap<String, Openings>,
    busy: HashMap<u64, Arc<tokio::sync::Mutex<()>>>,
    changes: HashMap<String, u64>,
    desks: HashMap<u64, Arc<tokio::sync::Mutex<()>>>,
    pending: HashMap<u64, BTreeMap<u64, Written>>,
    answers: HashMap<String, String>,
}

/// What all parts share. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    /// The way to the server.
    pub(crate) server: Backend,
    /// The way to Discord.
    pub(crate) out: Outbound,
    /// The configuration.
    pub(crate) config: Arc<DiscordSection>,
    clock: Arc<dyn Clock>,
    logs: Arc<tokio::sync::Mutex<()>>,
    state: Arc<Mutex<State>>,
}

impl Bridge {
    /// With nothing known yet. This gateway starts now, by `clock`.
    pub(crate) fn new(server: Backend, out: Outbound, config: DiscordSection, clock: Arc<dyn Clock>) -> Self {
        let state = State { boot: clock.now_ms(), ..State::default() };
        Self { server, out, config: Arc::new(config), clock, logs: Arc::default(), state: Arc::new(Mutex::new(state)) }
    }

    /// The time, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True in the hours in which no phone rings.
    pub(crate) fn is_quiet(&self) -> bool {
        crate::digest::is_quiet(self.config.quiet, self.now_ms(), &self.config.zone)
    }

    /// Reads or changes what was said lately.
    pub(crate) fn buffers<R>(&self, work: impl FnOnce(&mut Buffers) -> R) -> R {
        work(&mut self.state().buffers)
    }

    /// A turn begins that answers a message; it is told when somebody cancels it.
    pub(crate) fn begin_turn(&self, message: u64) -> Arc<tokio::sync::Notify> {
        Arc::clone(&self.state().turns.entry(message).or_default().cancelled)
    }

    /// Notes the sign of a turn.
    pub(crate) fn put_sign(&self, message: u64, sign: u64) {
        if let Some(turn) = self.state().turns.get_mut(&message) {
            turn.sign = Some(sign);
        }
    }

    /// A turn is over; returns its sign.
    pub(crate) fn end_turn(&self, message: u64) -> Option<u64> {
        self.state().turns.remove(&message)?.sign
    }

    /// Cancels the turn that answers a message; false when there is none.
    pub(crate) fn cancel(&self, message: u64) -> bool {
        let state = self.state();
        let turn = state.turns.get(&message);
        if let Some(turn) = turn {
            turn.cancelled.notify_one();
        }
        turn.is_some()
    }

    /// Reads or changes the channels.
    pub(crate) fn channels<R>(&self, work: impl FnOnce(&mut Channels) -> R) -> R {
        work(&mut self.state().channels)
    }

    /// When this gateway started, in milliseconds since 1970; a reconnect does not move it.
    pub(crate) fn boot(&self) -> i64 {
        self.state().boot
    }

    /// Our user and application.
    pub(crate) fn ids(&self) -> (u64, u64) {
        let state = self.state();
        (state.bot, state.application)
    }

    /// Says who we are.
    pub(crate) fn is(&self, bot: u64, application: u64) {
        let mut state = self.state();
        (state.bot, state.application) = (bot, application);
        self.out.is_me(bot);
    }

    /// Notes that a message came; false when it came before.
    pub(crate) fn note(&self, message: u64) -> bool {
        self.state().recent.note(message)
    }

    /// Notes what somebody answered to a question of a task, until the server tells that it was answered.
    pub(crate) fn answered(&self, task: &str, answer: &str) {
        let mut state = self.state();
        if state.answers.len() > 256 {
            state.answers.clear();
        }
        state.answers.insert(task.to_owned(), answer.to_owned());
    }

    /// Takes out what was answered to the last question of a task, where somebody answered it through this gateway.
    pub(crate) fn take_answer(&self, task: &str) -> Option<String> {
        self.state().answers.remove(task)
    }

    /// Notes that a note changed; returns which change that was.
    pub(crate) fn note_changed(&self, note: &str) -> u64 {
        let mut state = self.state();
        let count = state.changes.entry(note.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// True when no later change came; the note is forgotten then.
    pub(crate) fn is_last_change(&self, note: &str, change: u64) -> bool {
        let mut state = self.state();
        let last = state.changes.get(note) == Some(&change);
        if last {
            state.changes.remove(note);
        }
        last
    }

    /// Whatever changed until now is seen to; the next change is the first again.
    pub(crate) fn changes_are_seen(&self, notes: &str) {
        self.state().changes.remove(notes);
    }

    /// A message waits for its turn.
    pub(crate) fn pend(&self, written: Written) {
        self.state().pending.entry(written.place.channel).or_default().insert(written.id, written);
    }

    /// The oldest message of a channel that waits.
    pub(crate) fn oldest(&self, channel: u64) -> Option<Written> {
        let mut state = self.state();
        let waiting = state.pending.get_mut(&channel)?;
        let oldest = waiting.pop_first().map(|(_, written)| written);
        if waiting.is_empty() {
            state.pending.remove(&channel);
        }
        oldest
    }

    /// What is done in one channel is done one after the other.
    pub(crate) fn turn(&self, channel: u64) -> Arc<tokio::sync::Mutex<()>> {
        turn_of(&mut self.state().busy, channel)
    }

    /// What is kept of a table of notes is changed by one after the other.
    pub(crate) fn desk_turn(&self, contents: u64) -> Arc<tokio::sync::Mutex<()>> {
        turn_of(&mut self.state().desks, contents)
    }

    /// One log is read at a time.
    pub(crate) async fn log_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.logs.lock().await
    }

    /// The cards of a channel that wait to be shown.
    pub(crate) fn cards<R>(&self, channel: u64, work: impl FnOnce(&mut Cards) -> R) -> R {
        work(self.state().cards.entry(channel).or_default())
    }

    /// A channel whose cards are all shown is forgotten.
    pub(crate) fn no_cards(&self, channel: u64) {
        let mut state = self.state();
        if state.cards.get(&channel).is_some_and(Cards::is_idle) {
            state.cards.remove(&channel);
        }
    }

    /// The cards of a project that wait to be posted.
    pub(crate) fn openings<R>(&self, project: &str, work: impl FnOnce(&mut Openings) -> R) -> R {
        let mut state = self.state();
        let openings = state.openings.entry(project.to_owned()).or_default();
        let made = work(openings);
        if openings.is_idle() {
            state.openings.remove(project);
        }
        made
    }

    /// Waits until the cards of a task are there that have to be posted; they come before others then. Nothing to wait for is no wait.
    pub(crate) async fn opened(&self, project: &str, task: &str) {
        let (told, shown) = tokio::sync::oneshot::channel();
        self.openings(project, |openings| openings.hurry(task, told));
        // Dropped where nothing waits; and what became of the card is its own event's business.
        drop(shown.await);
    }

    /// Begins to follow a run; false when it is followed already.
    pub(crate) fn begin(&self, task: &str, run: u32) -> bool {
        let mut state = self.state();
        let key = (task.to_owned(), run);
        if state.followed.contains_key(&key) {
            return false;
        }
        state.followed.insert(key, Followed::default());
        true
    }

    /// A run is not followed any more.
    pub(crate) fn end(&self, task: &str, run: u32) {
        self.state().followed.remove(&(task.to_owned(), run));
    }

    /// How many runs are followed.
    pub(crate) fn following(&self) -> usize {
        self.state().followed.len()
    }

    /// Notes what an agent did last.
    pub(crate) fn stepped(&self, task: &str, run: u32, step: Step) {
        if let Some(followed) = self.state().followed.get_mut(&(task.to_owned(), run)) {
            followed.step = step;
        }
    }

    /// What an agent did last.
    pub(crate) fn step(&self, task: &str, run: u32) -> Step {
        self.state().followed.get(&(task.to_owned(), run)).map(|followed| followed.step.clone()).unwrap_or_default()
    }

    /// Notes which run a thread belongs to, or that it belongs to none.
    pub(crate) fn thread_is(&self, thread: u64, run: Option<(String, u32)>) {
        let mut state = self.state();
        if state.threads.len() >= KNOWN_THREADS {
            state.threads.clear();
        }
        state.threads.insert(thread, run);
    }

    /// Notes that a thread is about the notes of a project, below that channel, or no longer.
    pub(crate) fn notes_thread(&self, thread: u64, about: Option<(String, u64)>) {
        let mut state = self.state();
        match about {
            Some(about) => drop(state.notes.insert(thread, about)),
            None => drop(state.notes.remove(&thread)),
        }
    }

    /// The project whose notes a thread is about, and the channel that the thread hangs below.
    pub(crate) fn notes_of(&self, thread: u64) -> Option<(String, u64)> {
        self.state().notes.get(&thread).cloned()
    }

    /// Which run a thread belongs to.
    async fn run_of(&self, thread: u64) -> Result<Option<(String, u32)>, tonic::Status> {
        if let Some(known) = self.state().threads.get(&thread) {
            return Ok(known.clone());
        }
        let record = self.server.record(&RunRecord::thread_key(thread)).await?;
        let run = record.and_then(|text| {
            let (task, run) = text.rsplit_once(' ')?;
            Some((task.to_owned(), run.parse().ok()?))
        });
        self.thread_is(thread, run.clone());
        Ok(run)
    }

    /// Where a message was written.
    pub(crate) async fn place(&self, channel: u64) -> Result<Place, tonic::Status> {
        let known = self.channels(|channels| {
            if let Some(project) = channels.project(channel) {
                return Some(Place::Project(project.to_owned()));
            }
            (channels.global == Some(channel)).then_some(Place::Global)
        });
        if let Some(place) = known.or_else(|| self.notes_of(channel).map(|(project, _)| Place::Notes(project))) {
            return Ok(place);
        }
        Ok(self.run_of(channel).await?.map_or(Place::Elsewhere, |(task, run)| Place::Run { task, run }))
    }

    /// The project that a channel is about: its own, or that of the run in the thread.
    pub(crate) async fn project_of(&self, channel: u64, parent: Option<u64>) -> Option<String> {
        let linked = |id: u64| self.channels(|channels| channels.project(id).map(str::to_owned));
        if let Some(project) = linked(channel).or_else(|| parent.and_then(linked)) {
            return Some(project);
        }
        match self.place(channel).await {
            Ok(Place::Notes(project)) => Some(project),
            Ok(Place::Run { task, .. }) => self.server.task(&task).await.ok().flatten()?.task.map(|task| task.project_id),
            _ => None,
        }
    }
}

/// The turn of a channel or a table; those that nobody holds are forgotten when there are many.
fn turn_of(turns: &mut HashMap<u64, Arc<tokio::sync::Mutex<()>>>, of: u64) -> Arc<tokio::sync::Mutex<()>> {
    if turns.len() > 512 {
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
    }
    Arc::clone(turns.entry(of).or_default())
}

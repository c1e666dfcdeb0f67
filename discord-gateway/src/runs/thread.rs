//! The messages of a run's thread: what is done with what a flush asks for, so that a crash at any point leaves no message twice.

use std::collections::VecDeque;

use crate::backend::RunRecord;
use crate::bridge::Bridge;
use crate::buffer::Act;
use crate::message::Message;
use crate::outbound::{CallError, Known};

/// The messages that are there.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) record: RunRecord,
    /// Messages from before a crash that are written over before new ones are posted.
    left: VecDeque<u64>,
    /// The message that edits go to; 0: there is none.
    last: u64,
    /// What it should say, when the last edit of it did not come through.
    owed: Option<String>,
    task: String,
    run: u32,
}

impl Thread {
    /// As it was left: the messages that are known, and those behind them that nobody noted.
    pub(super) async fn take_up(bridge: &Bridge, task: &str, run: u32, record: RunRecord) -> Self {
        let mut left: VecDeque<u64> = record.pages.iter().copied().collect();
        let behind = left.back().copied().unwrap_or(0);
        match bridge.out.ours_behind(record.thread, behind).await {
            Ok(unknown) => left.extend(unknown),
            Err(error) => tracing::debug!(task, run, %error, "the thread could not be read"),
        }
        Self { record, left, last: 0, owed: None, task: task.to_owned(), run }
    }

    /// Does what a flush asked for. `from` is the item up to which everything stood in messages before. Returns false when the thread is
    /// gone.
    pub(super) async fn apply(mut self, bridge: &Bridge, acts: Vec<Act>, from: u64) -> (Self, bool) {
        let mut posted = Vec::new();
        let mut acts = VecDeque::from(acts);
        while let Some(act) = acts.pop_front() {
            let (text, edit) = match act {
                Act::Edit(text) => (text, true),
                Act::Post(text) => match self.owed.take() {
                    // A page is whole before the next one begins: nothing writes it again afterwards.
                    Some(owed) => {
                        acts.push_front(Act::Post(text));
                        match self.edit(bridge, &owed, true).await {
                            Edited::Done => continue,
                            Edited::Gone => (owed, false),
                            Edited::Refused => return (self, false),
                        }
                    }
                    None => (text, false),
                },
            };
            if edit && self.last > 0 {
                match self.edit(bridge, &text, false).await {
                    Edited::Done => continue,
                    Edited::Gone => {}
                    Edited::Refused => return (self, false),
                }
            }
            let message = page(&text);
            let old = self.left.pop_front();
            if let Some(id) = old
                && bridge.out.edit(self.record.thread, id, &message, true).await.is_ok()
            {
                self.last = id;
                posted.push(id);
                continue;
            }
            let name = format!("{} {} page {} {}", self.task, self.run, self.last, posted.len());
            let behind = self.last.max(self.record.pages.last().copied().unwrap_or(0));
            match bridge.out.post(self.record.thread, &message, Known::Behind(behind, &name), false).await {
                Ok(id) => {
                    self.last = id;
                    posted.push(id);
                }
                Err(error) => {
                    tracing::debug!(task = self.task, %error, "the thread cannot be written");
                    return (self, false);
                }
            }
        }
        if !posted.is_empty() {
            self.record.pages = posted;
            self.record.from = from;
            self.record.posted = bridge.now_ms() / 1000;
            if let Err(error) = bridge.server.keep_run(&self.task, self.run, &self.record).await {
                tracing::warn!(task = self.task, error = error.message(), "a message was not noted");
            }
        }
        (self, true)
    }

    /// Edits the last message. What does not have to come through is owed then, and made up for by the next edit.
    async fn edit(&mut self, bridge: &Bridge, text: &str, critical: bool) -> Edited {
        match bridge.out.edit(self.record.thread, self.last, &page(text), critical).await {
            Ok(()) => {
                self.owed = None;
                Edited::Done
            }
            Err(CallError::HeldBack | CallError::Unanswered(_)) => {
                self.owed = Some(text.to_owned());
                Edited::Done
            }
            // Somebody deleted it, or it is too old: the newest state goes into a new message.
            Err(error) if error.code() == 10_008 || error.code() == 30_046 => {
                self.owed = None;
                Edited::Gone
            }
            Err(error) => {
                tracing::debug!(task = self.task, %error, "the thread cannot be written");
                Edited::Refused
            }
        }
    }

    /// Writes what is owed: nothing comes after it.
    pub(super) async fn settle(&mut self, bridge: &Bridge) {
        if let Some(owed) = self.owed.take() {
            self.edit(bridge, &owed, true).await;
        }
    }

    /// True when the last message is too old to be edited often.
    pub(super) fn is_old(&self, bridge: &Bridge) -> bool {
        bridge.now_ms() / 1000 - self.record.posted > 50 * 60
    }
}

/// What became of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edited {
    /// It is there, or owed.
    Done,
    /// There is nothing to edit.
    Gone,
    /// The thread cannot be written.
    Refused,
}

/// A message of the thread: nobody's phone rings.
fn page(text: &str) -> Message {
    Message { silent: true, ..Message::text(text) }
}

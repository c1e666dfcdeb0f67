//! What a command works with: the open transaction, the state beside it, and the facts that it announces.
//!
//! When it runs, and what becomes of one that fails, is the business of `batches`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::dialect::Connection;
use super::error::StoreError;
use crate::background::panic_text;

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
    pub(super) facts: &'a mut Vec<S::Fact>,
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

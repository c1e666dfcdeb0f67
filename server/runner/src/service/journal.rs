//! The numbered, redacted stream of one run's items: batches, acknowledgement, and the cursor that follows it.
//!
//! Spec: specs/server/runner/service.md

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aq_core::ids::RunRef;
use aq_core::output::{OutputBody, OutputItem};
use aq_core::runner_link::{Conclusion, LinkClosed, RunOutcome, RunReport, RunnerSink};
use aq_core::time::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::cursor::{self, Cursor, Found, PendingItem};
use super::redaction::{self, Screen};
use super::stored::{SideItem, StoredEnd};
use crate::process::clock;

/// Most items in one report (service R4).
pub(super) const BATCH_ITEMS: usize = 64;

/// How often the cursor is written while output flows; a crash in between is made up by reading again.
const SAVE_EVERY: Duration = Duration::from_millis(250);

/// The stream of one run.
pub(super) struct Journal {
    run: RunRef,
    sink: Arc<dyn RunnerSink>,
    folder: PathBuf,
    /// What is on disk, or will be with the next save.
    pub(super) cursor: Cursor,
    /// Items up to this number are durable at the server already.
    floor: u64,
    next_seq: u64,
    batch: Vec<OutputItem>,
    screen: Screen,
    saved_at: Option<Instant>,
    /// True when a cursor was found in the folder.
    known: bool,
    /// True when it was found but not readable.
    damaged: bool,
}

impl Journal {
    /// Takes up the stream in `folder`. `last_seq` is the last item that the server has, when it said so.
    pub(super) fn open(run: &RunRef, sink: Arc<dyn RunnerSink>, folder: PathBuf, last_seq: Option<u64>) -> Self {
        let (mut cursor, known, damaged) = match Cursor::load(&folder) {
            Found::Cursor(cursor) => (*cursor, true, false),
            Found::Nothing => (Cursor::default(), false, false),
            Found::Damaged => (Cursor::default(), false, true),
        };
        let screen = Screen::new(&cursor::load_secrets(&folder));
        cursor.next_seq = cursor.next_seq.max(1);
        let floor = last_seq.unwrap_or(cursor.next_seq - 1);
        if !known {
            cursor.next_seq = floor + 1;
        }
        let next_seq = cursor.next_seq;
        Self { run: run.clone(), sink, folder, cursor, floor, next_seq, batch: Vec::new(), screen, saved_at: None, known, damaged }
    }

    /// True when the run was begun before.
    pub(super) const fn is_known(&self) -> bool {
        self.known
    }

    /// Adds values that must not appear, now and after a restart.
    pub(super) fn hide(&mut self, mut secrets: Vec<String>) {
        secrets.retain(|secret| !secret.is_empty());
        secrets.extend(cursor::load_secrets(&self.folder));
        secrets.sort_unstable();
        secrets.dedup();
        if let Err(error) = cursor::store_secrets(&self.folder, &secrets) {
            tracing::warn!(run = %self.run, %error, "the values to redact could not be kept for after a restart");
        }
        self.screen = Screen::new(&secrets);
    }

    /// What an earlier process left half-reported, and what cannot be made up.
    pub(super) async fn recover(&mut self) -> Result<(), LinkClosed> {
        let pending = std::mem::take(&mut self.cursor.pending);
        if self.damaged || self.next_seq > self.floor + 1 {
            self.next_seq = self.floor + 1;
            let reason = "output before this place could not be taken up again".to_owned();
            self.side(vec![SideItem::Gap { bytes: 0, reason }]).await?;
        }
        if !pending.is_empty() {
            self.number(pending);
            self.flush().await?;
            self.cursor.next_seq = self.next_seq;
            self.save();
        }
        Ok(())
    }

    /// True while items are made again that the server has. Until then no side item may take a number.
    pub(super) const fn is_behind(&self) -> bool {
        self.next_seq <= self.floor
    }

    /// Adds an item.
    pub(super) fn push(&mut self, at: Timestamp, body: OutputBody) {
        let seq = self.next_seq;
        self.next_seq += 1;
        if seq > self.floor {
            self.batch.push(OutputItem { seq, at, body: redaction::body(&self.screen, body) });
        }
    }

    /// How many items wait to be reported.
    pub(super) const fn waiting(&self) -> usize {
        self.batch.len()
    }

    /// Reports what waits; returns when it is acknowledged.
    pub(super) async fn flush(&mut self) -> Result<(), LinkClosed> {
        let mut items = std::mem::take(&mut self.batch);
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(BATCH_ITEMS));
            self.sink.report(self.run.clone(), RunReport::Output { items }).await?;
            items = rest;
        }
        Ok(())
    }

    /// Everything pushed so far is acknowledged and came from the spool up to `offset`, where the normaliser stood at `state`.
    pub(super) fn mark(&mut self, offset: u64, state: Value) {
        self.cursor.offset = offset;
        self.cursor.state = state;
        self.cursor.next_seq = self.next_seq;
    }

    /// True when the cursor on disk is old enough to be written again.
    pub(super) fn is_save_due(&self) -> bool {
        self.saved_at.is_none_or(|at| at.elapsed() >= SAVE_EVERY)
    }

    /// Writes the cursor. A failing disk only makes a later restart read more again.
    pub(super) fn save(&mut self) -> bool {
        let stored = cursor::make_private(&self.folder).and_then(|()| self.cursor.store(&self.folder));
        self.saved_at = Some(Instant::now());
        if let Err(error) = &stored {
            tracing::warn!(run = %self.run, %error, "the cursor could not be written");
        }
        stored.is_ok()
    }

    fn number(&mut self, items: Vec<PendingItem>) {
        for PendingItem { at_ms, item } in items {
            self.push(Timestamp::from_millis(at_ms), item.into_body());
        }
    }

    /// Reports side items (service R5). Whatever was pushed before has to be flushed and marked.
    pub(super) async fn side(&mut self, items: Vec<SideItem>) -> Result<(), LinkClosed> {
        if items.is_empty() {
            return Ok(());
        }
        let at_ms = clock::now().as_millis();
        let pending: Vec<_> = items.into_iter().map(|item| PendingItem { at_ms, item }).collect();
        self.cursor.next_seq = self.next_seq;
        self.cursor.pending.clone_from(&pending);
        self.save();
        self.number(pending);
        self.flush().await?;
        self.cursor.pending.clear();
        self.cursor.next_seq = self.next_seq;
        self.save();
        Ok(())
    }

    /// A text without what must not appear.
    pub(super) fn screened(&self, text: String) -> String {
        redaction::text(&self.screen, text)
    }

    /// Reports something that is no item.
    pub(super) async fn report(&self, report: RunReport) -> Result<(), LinkClosed> {
        self.sink.report(self.run.clone(), report).await
    }

    /// The agent's part is over (service R7).
    pub(super) async fn finish(&mut self, outcome: RunOutcome, exit_code: Option<i32>) -> Result<(), LinkClosed> {
        self.flush().await?;
        let outcome = redaction::outcome(&self.screen, outcome);
        self.cursor.next_seq = self.next_seq;
        self.cursor.end = Some(StoredEnd::new(&outcome, exit_code));
        self.save();
        self.report(RunReport::Finished { outcome, exit_code }).await
    }

    /// The conclusion is reached.
    pub(super) async fn conclude(&self, conclusion: Conclusion) -> Result<(), LinkClosed> {
        let conclusion = redaction::conclusion(&self.screen, conclusion);
        self.report(RunReport::Concluded { conclusion }).await
    }
}

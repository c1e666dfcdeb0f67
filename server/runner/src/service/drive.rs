//! Follows one launch of an agent: its output, its wishes, its end. What it is told meanwhile lives in `orders`.
//!
//! Spec: specs/server/runner/service.md

use std::path::Path;
use std::time::Duration;

use aq_core::output::FailureClass;
use aq_core::runner_link::{LinkClosed, RunLimits, RunOutcome, RunReport, StartRun};
use aq_core::time::Timestamp;
use tokio::time::Instant;

use super::journal::{BATCH_ITEMS, Journal};
use super::mail::Mailbox;
use super::stored::StoredStop;
use crate::process::clock;
use crate::runtimes::command::rest;
use crate::runtimes::{End, ExitFacts, Frame, Normalizer, StdinWish, Wishes};
use crate::shim::{ExitRecord, Refusal, Shim, TalkError};
use crate::spool::{RawLine, Reader, SpoolError};

/// How long the first item of a batch waits for company (service R4).
const BATCH_WAIT: Duration = Duration::from_millis(20);

/// How long a program may stay after its input was closed for its result (service R9).
const LINGER: Duration = Duration::from_secs(10);

/// How often a spool that cannot be read is tried again, with a pause in between.
const READ_TRIES: u32 = 20;
const READ_PAUSE: Duration = Duration::from_millis(500);

/// What following came to.
pub(super) enum Driven {
    /// The launch is over.
    Over { end: End, exit_code: Option<i32> },
    /// It never ran, or nobody knows how it ended.
    Lost { outcome: RunOutcome },
    /// Its shim was ended before it started the program; another launch does nothing twice.
    Unborn,
}

/// A launch being followed.
pub(super) struct Drive<'a> {
    pub(super) start: &'a StartRun,
    pub(super) limits: RunLimits,
    reader: Reader,
    pub(super) offset: u64,
    pub(super) journal: &'a mut Journal,
    pub(super) normalizer: Box<dyn Normalizer>,
    wishes: Wishes,
    /// When what waits is reported, the input is closed, and the ladder begins.
    pub(super) flush_at: Option<Instant>,
    pub(super) close_at: Option<Instant>,
    pub(super) ladder_at: Option<(Instant, &'static str)>,
    pub(super) input_closed: bool,
    read_failures: u32,
}

impl<'a> Drive<'a> {
    /// Follows the spool in `folder` from the journal's cursor on.
    pub(super) fn new(
        start: &'a StartRun,
        folder: &Path,
        journal: &'a mut Journal,
        normalizer: Box<dyn Normalizer>,
    ) -> Result<Self, SpoolError> {
        let offset = journal.cursor.offset;
        let reader = Reader::open(folder, offset)?;
        Ok(Self {
            start,
            limits: start.limits,
            reader,
            offset,
            journal,
            normalizer,
            wishes: Wishes::default(),
            flush_at: None,
            close_at: None,
            ladder_at: None,
            input_closed: false,
            read_failures: 0,
        })
    }

    /// Reports that the shim runs.
    pub(super) async fn report_started(&self, pid: u32) -> Result<(), LinkClosed> {
        self.journal.report(RunReport::Started { pid }).await
    }

    /// Follows to the end. `record` is there when the launch was over before.
    pub(super) async fn follow(
        mut self,
        shim: Option<Shim>,
        record: Option<ExitRecord>,
        mailbox: &mut Mailbox,
    ) -> Result<Driven, LinkClosed> {
        let shim = shim.as_ref();
        let mut later = Vec::new();
        let mut over = self.catch_up().await?;
        if let Some(stop) = self.journal.cursor.stop {
            self.stop(shim, stop).await?;
        }
        self.heed_wishes(shim).await;
        while !over {
            let alarm = [self.flush_at, self.close_at, self.ladder_at.map(|(at, _)| at)].into_iter().flatten().min();
            tokio::select! {
                Some(mail) = mailbox.next() => {
                    if let Some(mail) = self.mail(shim, mail).await? {
                        later.push(mail);
                    }
                }
                () = until(alarm) => self.alarm(shim).await?,
                lines = self.reader.next_batch(BATCH_ITEMS) => match lines {
                    Ok(lines) if lines.is_empty() => over = true,
                    Ok(lines) => self.lines(shim, &lines).await?,
                    Err(error) => {
                        self.read_failures += 1;
                        tracing::warn!(run = %self.start.run, %error, "the output could not be read");
                        over = self.read_failures >= READ_TRIES;
                        tokio::time::sleep(READ_PAUSE).await;
                    }
                },
            }
        }
        mailbox.hold(later);
        let record = match (record, shim) {
            (Some(record), _) => Ok(record),
            (None, Some(shim)) => shim.wait().await.map_err(|lost| lost.reason),
            (None, None) => Err("its shim is gone".to_owned()),
        };
        match record {
            Ok(record) => self.end(&record).await,
            Err(reason) => {
                if let Some(shim) = shim {
                    crate::shim::end_leftovers(shim.folder()).await;
                }
                self.lost(reason).await
            }
        }
    }

    /// Reads again what the server has, so that nothing else takes its numbers; true when that was all there is.
    async fn catch_up(&mut self) -> Result<bool, LinkClosed> {
        while self.journal.is_behind() {
            match self.reader.next_batch(BATCH_ITEMS).await {
                Ok(lines) if lines.is_empty() => return Ok(true),
                Ok(lines) => self.lines(None, &lines).await?,
                Err(error) => {
                    tracing::warn!(run = %self.start.run, %error, "the output could not be read again");
                    return Ok(false);
                }
            }
        }
        // Wishes are told anew to whoever is there now; an earlier server may have left the silence limit as a question wanted it.
        let taken_up = self.offset > 0;
        self.wishes = Wishes { patient: taken_up && !self.normalizer.wishes().patient, ..Wishes::default() };
        self.close_at = None;
        Ok(false)
    }

    /// Reads what a lost launch left in its spool, and ends it.
    pub(super) async fn follow_lost(mut self, reason: String, mailbox: &mut Mailbox) -> Result<Driven, LinkClosed> {
        // The spool of a launch without a living shim ends; one that never came to life has none, and is not waited for.
        while let Ok(Ok(lines)) = tokio::time::timeout(READ_PAUSE, self.reader.next_batch(BATCH_ITEMS)).await {
            if lines.is_empty() {
                break;
            }
            self.lines(None, &lines).await?;
        }
        mailbox.hold(Vec::new());
        self.lost(reason).await
    }

    async fn lost(mut self, reason: String) -> Result<Driven, LinkClosed> {
        let end = self.close(&ExitFacts::default()).await?;
        let outcome = match (self.journal.cursor.stop, end.outcome) {
            (Some(stop), _) => RunOutcome::Stopped { reason: stop.reason() },
            // A result that was seen counts, even when what came after it was lost.
            (None, succeeded @ RunOutcome::Succeeded { .. }) => succeeded,
            (None, _) => RunOutcome::Failed { class: FailureClass::Lost, message: reason },
        };
        Ok(Driven::Lost { outcome })
    }

    async fn end(mut self, record: &ExitRecord) -> Result<Driven, LinkClosed> {
        let facts = ExitFacts {
            exit_code: record.exit_code,
            signal: record.signal,
            spawn_error: record.spawn_error.clone(),
            stopped: self.journal.cursor.stop.map(StoredStop::reason),
            timed_out: record.timed_out,
        };
        if record.leftovers > 0 {
            tracing::warn!(run = %self.start.run, count = record.leftovers, "processes of the run could not be ended");
        }
        let end = self.close(&facts).await?;
        Ok(Driven::Over { end, exit_code: facts.exit_code })
    }

    /// The last items. The cursor stays before them, so that they are made again, with the same numbers, should we not come to the end.
    async fn close(&mut self, facts: &ExitFacts) -> Result<End, LinkClosed> {
        self.flush(true).await?;
        let end = self.normalizer.end(facts);
        for item in end.items.clone() {
            self.journal.push(clock::now(), item);
        }
        self.journal.flush().await?;
        Ok(end)
    }

    async fn lines(&mut self, shim: Option<&Shim>, lines: &[RawLine]) -> Result<(), LinkClosed> {
        for line in lines {
            let step = self.normalizer.line(line);
            for item in step.items {
                let rest = rest(line, &item);
                for item in [Some(item), rest].into_iter().flatten() {
                    self.journal.push(Timestamp::from_millis(line.at_ms), item);
                }
            }
            self.offset = line.offset_after;
            for frame in step.frames {
                self.send(shim, &frame).await;
            }
            if self.journal.waiting() >= BATCH_ITEMS {
                self.flush(false).await?;
            }
        }
        if self.journal.waiting() > 0 && self.flush_at.is_none() {
            self.flush_at = Some(Instant::now() + BATCH_WAIT);
        }
        self.heed_wishes(shim).await;
        Ok(())
    }

    /// Reports what waits, moves the cursor, lets the spool go.
    pub(super) async fn flush(&mut self, save: bool) -> Result<(), LinkClosed> {
        self.flush_at = None;
        self.journal.flush().await?;
        if save || self.journal.is_save_due() {
            self.journal.mark(self.offset, self.normalizer.state());
            if self.journal.save()
                && let Err(error) = self.reader.ack(self.offset)
            {
                tracing::warn!(run = %self.start.run, %error, "acknowledged output could not be deleted");
            }
        }
        Ok(())
    }

    async fn alarm(&mut self, shim: Option<&Shim>) -> Result<(), LinkClosed> {
        let now = Instant::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.flush_at) {
            self.flush(false).await?;
        }
        if due(self.close_at) {
            self.close_at = None;
            self.close_input(shim).await;
            self.ladder_at.get_or_insert((now + LINGER, "after-result"));
        }
        if let Some((at, reason)) = self.ladder_at
            && at <= now
        {
            self.ladder_at = None;
            self.end_process(shim, reason).await;
        }
        Ok(())
    }

    /// Does what the normaliser wants of the process (runtimes, wishes).
    pub(super) async fn heed_wishes(&mut self, shim: Option<&Shim>) {
        let wishes = self.normalizer.wishes();
        let before = std::mem::replace(&mut self.wishes, wishes);
        if wishes.stdin != before.stdin && !self.input_closed {
            self.close_at = match wishes.stdin {
                StdinWish::Hold => None,
                StdinWish::CloseAfter { ms } => Some(Instant::now() + Duration::from_millis(ms)),
            };
        }
        if wishes.patient != before.patient
            && let Some(shim) = shim
        {
            let limit = if wishes.patient { 0 } else { self.limits.silence_ms };
            if let Err(error) = shim.set_silence_limit(Duration::from_millis(limit)).await {
                tracing::warn!(run = %self.start.run, %error, "the silence limit could not be changed");
            }
        }
        if wishes.give_up && !before.give_up {
            self.end_process(shim, "give-up").await;
        }
    }

    pub(super) async fn close_input(&mut self, shim: Option<&Shim>) {
        self.input_closed = true;
        if let Some(shim) = shim
            && let Err(error) = shim.close_stdin().await
        {
            tracing::debug!(run = %self.start.run, %error, "the agent's input could not be closed");
        }
    }

    pub(super) async fn end_process(&self, shim: Option<&Shim>, reason: &str) {
        if let Some(shim) = shim
            && let Err(error) = shim.stop(reason, Duration::from_millis(self.limits.grace_ms)).await
        {
            tracing::debug!(run = %self.start.run, %error, "the run could not be stopped; it is over in all likelihood");
        }
    }

    pub(super) async fn send(&self, shim: Option<&Shim>, frame: &Frame) -> bool {
        let Some(shim) = shim else { return false };
        // A broken exchange may have arrived; the id makes the second try harmless.
        for _ in 0..2 {
            match shim.send_stdin(&frame.id, &frame.bytes).await {
                Ok(_) => return true,
                Err(TalkError::Refused(Refusal::Closed)) => return false,
                Err(error) => tracing::warn!(run = %self.start.run, %error, "the agent's input was not taken"),
            }
        }
        false
    }
}

/// Sleeps until `alarm`; for ever without one.
async fn until(alarm: Option<Instant>) {
    match alarm {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

//! Test commands: each one a shimmed run of its own, shown in the stream of the run that it checks.
//!
//! Spec: specs/server/runner/service.md

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aq_core::runner_link::{ConcludeRun, LinkClosed};

use super::cursor::CheckCursor;
use super::journal::{BATCH_ITEMS, Journal};
use super::launching::{Program, start_or_attach};
use super::mail::{Mail, Mailbox};
use super::shared::Shared;
use super::stored::SideItem;
use crate::runtimes::clip;
use crate::runtimes::command::plain;
use crate::shim::{Attachment, ExitRecord, Shim, StdinMode, end_leftovers};
use crate::spool::{RawKind, Reader};

/// How much of a failed command's output goes into the conclusion, in bytes.
const TAIL_BYTES: usize = 4096;

/// How often a lost check is started again.
const MAX_LOSSES: u32 = 2;

/// How the checks went.
pub(super) enum Checked {
    /// All passed.
    Passed,
    /// One failed.
    Failed { command: String, exit_code: i32, tail: String },
    /// They could not be carried out, or were stopped.
    Broken(String),
}

/// How one check ended.
enum Ended {
    Record(ExitRecord),
    Lost,
    Broken(String),
}

/// The checks of one conclusion.
pub(super) struct Checks<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) order: &'a ConcludeRun,
    pub(super) directory: PathBuf,
    pub(super) mailbox: &'a mut Mailbox,
}

impl Checks<'_> {
    /// Runs every command in order, up to the first that fails. `resume` goes on with the check that the cursor names.
    pub(super) async fn run(&mut self, journal: &mut Journal, resume: bool) -> Result<Checked, LinkClosed> {
        let open = journal.cursor.check.take();
        let open = match open {
            Some(check) if resume && self.order.verify.get(check.index) == Some(&check.command) => Some(check),
            Some(other) => {
                end_leftovers(&self.shared.home.check(&self.order.run, other.number)).await;
                None
            }
            None => None,
        };
        let first = open.as_ref().map_or(0, |check| check.index);
        let mut open = open;
        for (index, command) in self.order.verify.iter().enumerate().skip(first) {
            let record = match self.one(journal, index, command, open.take()).await? {
                Ok(record) => record,
                Err(broken) => return Ok(Checked::Broken(broken)),
            };
            if record.exit_code != Some(0) || record.timed_out.is_some() {
                let number = journal.cursor.checks.saturating_sub(1);
                let tail = self.tail(number, &record).await;
                let exit_code = record.exit_code.filter(|_| record.timed_out.is_none()).unwrap_or(-1);
                return Ok(Checked::Failed { command: command.clone(), exit_code, tail });
            }
        }
        Ok(Checked::Passed)
    }

    /// One command to its end.
    async fn one(
        &mut self,
        journal: &mut Journal,
        index: usize,
        command: &str,
        mut open: Option<CheckCursor>,
    ) -> Result<Result<ExitRecord, String>, LinkClosed> {
        for _ in 0..MAX_LOSSES {
            let check = match open.take() {
                Some(check) => check,
                None => {
                    let number = journal.cursor.checks;
                    journal.cursor.checks += 1;
                    CheckCursor { number, command: command.to_owned(), index, offset: 0 }
                }
            };
            let folder = self.shared.home.check(&self.order.run, check.number);
            let offset = check.offset;
            let begun = offset > 0;
            journal.cursor.check = Some(check);
            journal.save();
            if !begun {
                journal.side(vec![SideItem::note(format!("checking: {command}"))]).await?;
            }
            match self.follow(journal, &folder, command, offset).await? {
                Ended::Record(record) => {
                    journal.cursor.check = None;
                    let words = match (record.exit_code, record.timed_out) {
                        (_, Some(_)) => "ran too long".to_owned(),
                        (Some(0), _) => "passed".to_owned(),
                        (Some(code), _) => format!("failed with exit code {code}"),
                        (None, _) => "was ended by a signal".to_owned(),
                    };
                    journal.side(vec![SideItem::note(format!("check {words}: {command}"))]).await?;
                    return Ok(Ok(record));
                }
                Ended::Broken(why) => {
                    journal.cursor.check = None;
                    journal.save();
                    return Ok(Err(why));
                }
                Ended::Lost => {
                    end_leftovers(&folder).await;
                    journal.side(vec![SideItem::note("the check was lost and is started again")]).await?;
                }
            }
        }
        journal.cursor.check = None;
        journal.save();
        Ok(Err(format!("the check `{command}` was lost {MAX_LOSSES} times")))
    }

    async fn follow(&mut self, journal: &mut Journal, folder: &Path, command: &str, offset: u64) -> Result<Ended, LinkClosed> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let home = self.shared.home.task_home(&self.order.project, &self.order.run.task);
        let program = Program {
            name: &name,
            epoch: self.order.epoch,
            folder,
            directory: &self.directory,
            home: &home,
            limits: self.order.limits,
            native: &[],
            argv: ["sh", "-c", command].map(str::to_owned).into(),
            env: std::collections::BTreeMap::new(),
            stdin: StdinMode::Closed,
            writable: Vec::new(),
        };
        let shim = match start_or_attach(self.shared, program).await {
            Ok(Attachment::Alive(shim)) => Ok(shim),
            Ok(Attachment::Exited(record)) => Err(record),
            Ok(Attachment::Lost { .. }) => return Ok(Ended::Lost),
            Err(error) => return Ok(Ended::Broken(error)),
        };
        let mut reader = match Reader::open(folder, offset) {
            Ok(reader) => reader,
            Err(error) => return Ok(Ended::Broken(error.to_string())),
        };
        let mut stopped = false;
        let mut later = Vec::new();
        loop {
            tokio::select! {
                Some(mail) = self.mailbox.next() => match mail {
                    Mail::Stop(_) => {
                        stopped = true;
                        self.stop(shim.as_deref().ok()).await;
                    }
                    other => later.push(other),
                },
                lines = reader.next_batch(BATCH_ITEMS) => match lines {
                    Ok(lines) if lines.is_empty() => break,
                    Ok(lines) => {
                        if let (Some(check), Some(last)) = (&mut journal.cursor.check, lines.last()) {
                            check.offset = last.offset_after;
                        }
                        journal.side(lines.iter().map(plain).filter_map(SideItem::of).collect()).await?;
                    }
                    Err(error) => {
                        self.mailbox.hold(later);
                        return Ok(Ended::Broken(error.to_string()));
                    }
                },
            }
        }
        self.mailbox.hold(later);
        let record = match shim {
            Ok(shim) => shim.wait().await.ok(),
            Err(record) => Some(record),
        };
        Ok(match record {
            _ if stopped => Ended::Broken("stopped on order while checking".to_owned()),
            Some(ExitRecord { spawn_error: Some(error), .. }) => Ended::Broken(error),
            Some(record) => Ended::Record(record),
            None => Ended::Lost,
        })
    }

    async fn stop(&self, shim: Option<&Shim>) {
        if let Some(shim) = shim
            && let Err(error) = shim.stop("operator", Duration::from_millis(self.order.limits.grace_ms)).await
        {
            tracing::debug!(run = %self.order.run, %error, "the check could not be stopped; it is over in all likelihood");
        }
    }

    /// The end of a check's output, read once more: after a restart only the spool knows it.
    async fn tail(&self, number: u32, record: &ExitRecord) -> String {
        let mut tail = String::new();
        if let Ok(mut reader) = Reader::open(&self.shared.home.check(&self.order.run, number), 0) {
            while let Ok(lines) = reader.next_batch(BATCH_ITEMS).await {
                if lines.is_empty() {
                    break;
                }
                for line in lines.iter().filter(|line| line.kind != RawKind::Gap) {
                    tail.push_str(&clip(&line.text()));
                    tail.push('\n');
                }
                cut_front(&mut tail, TAIL_BYTES);
            }
        }
        if record.timed_out.is_some() {
            tail.push_str("(the time limit was reached)\n");
        }
        cut_front(&mut tail, TAIL_BYTES);
        tail
    }
}

/// Keeps the last `max` bytes, from a character boundary on.
fn cut_front(text: &mut String, max: usize) {
    let mut start = text.len().saturating_sub(max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.drain(..start);
}

#[cfg(test)]
mod tests {
    /// The tail of a failed check is at most 4 KiB of whole characters.
    #[test]
    fn tails_keep_their_end() {
        let mut text = "äöü".repeat(4);
        super::cut_front(&mut text, 5);
        assert_eq!(text, "öü");
    }
}

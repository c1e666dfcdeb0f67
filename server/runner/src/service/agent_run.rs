//! The agent's part of a run: prepare, launch or take up, follow to the end.
//!
//! Spec: specs/server/runner/service.md

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aq_core::output::FailureClass;
use aq_core::runner_link::{LinkClosed, RunOutcome, RunReport, SessionOrder, StartRun};

use super::cursor::{StoredSession, make_private};
use super::drive::{Drive, Driven};
use super::journal::Journal;
use super::launching::{Program, start_or_attach, was_launched, write_files};
use super::mail::{Mail, Mailbox};
use super::shared::Shared;
use super::stored::SideItem;
use crate::runtimes::{LaunchOrder, Normalizer, Runtime, runtime};
use crate::shim::{Attachment, FolderError, RunFolder, end_leftovers};

/// How many launches one run may take, those that never came to life included.
const MAX_LAUNCHES: u32 = 5;

fn failed(class: FailureClass, message: impl Into<String>) -> RunOutcome {
    RunOutcome::Failed { class, message: message.into() }
}

/// Runs the agent's part from wherever it stands, up to `Finished`.
pub(super) async fn run(shared: &Arc<Shared>, start: &StartRun, last_seq: Option<u64>, mailbox: &mut Mailbox) -> Result<(), LinkClosed> {
    let folder = shared.home.run(&start.run);
    let begun = was_launched(&folder);
    let mut journal = Journal::open(&start.run, Arc::clone(&shared.sink), folder.clone(), last_seq);
    if let Err(error) = make_private(&folder) {
        let message = format!("the run's folder {} cannot be made: {error}", folder.display());
        return journal.finish(failed(FailureClass::Internal, message), None).await;
    }
    journal.hide(start.secrets.iter().cloned().chain(start.profile.secrets()).collect());
    // Whoever is to be attached to had started: where nothing is known of it, it ran elsewhere or its folder was removed.
    let lost = !begun && !journal.is_known() && last_seq.is_some();
    journal.recover().await?;
    if let Some(end) = journal.cursor.end.clone() {
        let (outcome, exit_code) = end.told();
        return journal.report(RunReport::Finished { outcome, exit_code }).await;
    }
    if lost {
        return journal.finish(failed(FailureClass::Lost, "the run's folder is gone"), None).await;
    }
    journal.cursor.branch.clone_from(&start.workspace.branch);
    journal.save();
    if !begun && !prepare(shared, start, &mut journal, mailbox).await? {
        return Ok(());
    }
    let (outcome, exit_code) = launches(shared, start, &mut journal, mailbox).await?;
    journal.finish(outcome, exit_code).await
}

/// Prepares the work directory; false when that was the end of the run.
async fn prepare(shared: &Arc<Shared>, start: &StartRun, journal: &mut Journal, mailbox: &mut Mailbox) -> Result<bool, LinkClosed> {
    let (rooms, project, run, order) = (shared.rooms.clone(), start.project.clone(), start.run.clone(), start.workspace.clone());
    let afresh = start.afresh;
    let work = shared.blocking(move || {
        rooms.alone(&project, &run.task, || {
            if afresh {
                rooms.put_back(&project, &run, &order)?;
            }
            rooms.prepare(&project, &run, &order)
        })
    });
    tokio::pin!(work);
    let mut later = Vec::new();
    let prepared = loop {
        tokio::select! {
            prepared = &mut work => break prepared,
            Some(mail) = mailbox.next() => match mail {
                // Git is not interrupted in the middle; the run ends right after it (service R8).
                Mail::Stop(reason) => {
                    journal.cursor.stop.get_or_insert(reason.into());
                    journal.save();
                }
                other => later.push(other),
            },
        }
    };
    mailbox.hold(later);
    if let Some(stop) = journal.cursor.stop {
        journal.finish(RunOutcome::Stopped { reason: stop.reason() }, None).await?;
        return Ok(false);
    }
    let prepared = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => {
            journal.finish(failed(FailureClass::Workspace, error.to_string()), None).await?;
            return Ok(false);
        }
        Err(error) => {
            journal.finish(failed(FailureClass::Internal, error), None).await?;
            return Ok(false);
        }
    };
    journal.cursor.directory = prepared.directory.to_string_lossy().into_owned();
    journal.cursor.base_commit.clone_from(&prepared.base_commit);
    let again = if prepared.reused { " (taken up from an earlier run)" } else { "" };
    let short = prepared.base_commit.get(..10).unwrap_or(&prepared.base_commit);
    let mut notes = vec![SideItem::note(format!("workspace ready on {} at {short}{again}", start.workspace.branch))];
    notes.extend(prepared.warnings.into_iter().map(|warning| SideItem::note(format!("warning: {warning}"))));
    journal.side(notes).await?;
    let directory = journal.cursor.directory.clone();
    journal.report(RunReport::Prepared { directory, base_commit: prepared.base_commit }).await?;
    Ok(true)
}

/// One launch after the other until one counts.
async fn launches(
    shared: &Arc<Shared>,
    start: &StartRun,
    journal: &mut Journal,
    mailbox: &mut Mailbox,
) -> Result<(RunOutcome, Option<i32>), LinkClosed> {
    let home = shared.home.task_home(&start.project, &start.run.task);
    let directory = directory(shared, start, &journal.cursor.directory);
    loop {
        let number = journal.cursor.launch;
        let session = match &journal.cursor.session {
            None => start.session.clone(),
            Some(StoredSession { id, resume: true }) => SessionOrder::Resume { session_id: id.clone() },
            Some(StoredSession { id, resume: false }) => SessionOrder::Fresh { session_id: id.clone() },
        };
        let order = LaunchOrder {
            start,
            session: &session,
            launch: number,
            home: &home,
            directory: &directory,
            ourselves: &shared.config.program,
            bridge: shared.config.bridge.as_deref(),
            is_root: rustix::process::geteuid().is_root(),
            root_bypass: shared.config.root_bypass,
            contained: shared.config.is_contained(),
            zone: &shared.config.zone,
            background_wait_ms: u64::try_from(shared.config.background_wait.as_millis()).unwrap_or(u64::MAX),
        };
        let (outcome, exit_code, relaunch) = match launch(shared, &order, journal, mailbox).await? {
            Driven::Over { end, exit_code } => (end.outcome, exit_code, end.relaunch),
            Driven::Lost { outcome } => (outcome, None, None),
            Driven::Unborn if number + 1 < MAX_LAUNCHES => {
                (journal.cursor.launch, journal.cursor.offset) = (number + 1, 0);
                journal.save();
                continue;
            }
            Driven::Unborn => (failed(FailureClass::Lost, "the shim never came to life"), None, None),
        };
        match relaunch {
            // Once per run: a session that fails both ways is not tried for ever.
            Some(session) if journal.cursor.session.is_none() => {
                let (id, resume, words) = match session {
                    SessionOrder::Fresh { session_id } => (session_id, false, "the session is gone; starting a new one"),
                    SessionOrder::Resume { session_id } => (session_id, true, "the session exists already; going on with it"),
                };
                let cursor = &mut journal.cursor;
                (cursor.launch, cursor.offset, cursor.state) = (number + 1, 0, serde_json::Value::Null);
                cursor.session = Some(StoredSession { id, resume });
                journal.side(vec![SideItem::note(words)]).await?;
            }
            _ => return Ok((outcome, exit_code)),
        }
    }
}

/// One launch from wherever it stands.
async fn launch(shared: &Arc<Shared>, order: &LaunchOrder<'_>, journal: &mut Journal, mailbox: &mut Mailbox) -> Result<Driven, LinkClosed> {
    let over = |class, message: String| Driven::Lost { outcome: failed(class, message) };
    let start = order.start;
    let runtime = runtime(start.runtime);
    let plan = match runtime.plan(order) {
        Ok(plan) => plan,
        Err(refused) => return Ok(over(FailureClass::InvalidRequest, refused.to_string())),
    };
    if let Err(error) = write_files(order.home, &plan) {
        return Ok(over(FailureClass::Internal, format!("{}: {error}", order.home.display())));
    }
    let folder = shared.home.launch(&start.run, order.launch);
    let name = start.run.folder();
    let program = Program {
        name: &name,
        epoch: start.epoch,
        folder: &folder,
        directory: order.directory,
        home: order.home,
        limits: start.limits,
        argv: plan.argv.clone(),
        native: &plan.native,
        env: plan.env.clone(),
        stdin: plan.stdin,
        writable: plan.writable.clone(),
    };
    let attachment = match start_or_attach(shared, program).await {
        Ok(attachment) => attachment,
        Err(message) => return Ok(over(FailureClass::Spawn, message)),
    };
    let normalizer = normalizer(runtime, order, journal);
    let drive = match Drive::new(start, &folder, journal, normalizer) {
        Ok(drive) => drive,
        Err(error) => return Ok(over(FailureClass::Internal, error.to_string())),
    };
    match attachment {
        Attachment::Alive(shim) => {
            for frame in &plan.frames {
                if let Err(error) = shim.send_stdin(&frame.id, &frame.bytes).await {
                    tracing::warn!(run = %start.run, %error, "the agent's first input was not taken");
                }
            }
            if plan.close_stdin
                && let Err(error) = shim.close_stdin().await
            {
                tracing::warn!(run = %start.run, %error, "the agent's input could not be closed");
            }
            let pid = shim.pid();
            drive.report_started(pid).await?;
            drive.follow(Some(*shim), None, mailbox).await
        }
        Attachment::Exited(record) => drive.follow(None, Some(record), mailbox).await,
        Attachment::Lost { reason } => {
            end_leftovers(&folder).await;
            // Barred now: what has not started by this time never will, so that starting it elsewhere does nothing twice.
            if !was_born(&folder) {
                return Ok(Driven::Unborn);
            }
            drive.follow_lost(reason, mailbox).await
        }
    }
}

/// True when a shim came so far as to start the program, or when that cannot be ruled out.
fn was_born(folder: &Path) -> bool {
    let folder = RunFolder::new(folder);
    folder.has_exit() || !matches!(folder.read_run(), Err(FolderError::Missing(_)))
}

/// The normaliser where the cursor left it.
fn normalizer(runtime: &dyn Runtime, order: &LaunchOrder<'_>, journal: &Journal) -> Box<dyn Normalizer> {
    if journal.cursor.state.is_null() {
        return runtime.normalizer(order);
    }
    runtime.restore(&journal.cursor.state).unwrap_or_else(|| {
        tracing::warn!(run = %order.start.run, "the runtime's state could not be read; going on without it");
        runtime.normalizer(order)
    })
}

/// Where the run works, as prepared; a run taken up without its cursor works where its task does.
fn directory(shared: &Shared, start: &StartRun, noted: &str) -> PathBuf {
    if noted.is_empty() { shared.rooms.task_directory(&start.project, &start.run.task) } else { Path::new(noted).to_owned() }
}

//! The archive through the real store, lifecycle and orchestrator: what it keeps, whom it releases, and the hourly sweep.

use aq_core::ids::{ProjectId, TaskId};
use aq_core::output::{FailureClass, OutputBody, OutputItem, TokenUsage};
use aq_core::runner_link::{RunOutcome, RunReport, RunnerOrder};
use aq_core::task::{Attachment, AttachmentKind, BlockedReason, TaskStatus};
use aq_core::time::Timestamp;
use aq_server::clock::Clock as _;
use aq_server::commands::{self, CommandError};
use aq_server::orchestrator::{ArchivePolicy, Swept, archive_old, snapshot};
use aq_server::store::{Connection, StoreError, archive as rows, attachments, chains, dependencies, ledger, runs, task_figures, tasks};

use crate::figures::{both, check_rows};
use crate::harness::{Harness, new_task, policy};

async fn archive(server: &Harness, ids: &[&TaskId]) -> Result<usize, CommandError> {
    let ids: Vec<TaskId> = ids.iter().map(|id| (*id).clone()).collect();
    server.command(move |tx, context| Ok(commands::archive::archive(tx, context, &ids)?.len())).await
}

async fn agree(server: &Harness) {
    let (memory, rows) = both(server, true).await;
    assert_eq!(memory, rows);
    check_rows(server).await.unwrap();
}

/// A task that failed for good, for a reason that no try can cure.
async fn blocked(server: &Harness, project: &ProjectId, title: &str) -> TaskId {
    let task = server.task(project, title, &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let outcome = RunOutcome::Failed { class: FailureClass::InvalidRequest, message: "no such model".into() };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    server.until(&task, TaskStatus::Blocked).await;
    task
}

/// F-032, D-23, D-30: an archived task loses neither edges nor runs nor what it cost, and comes back under its id with fresh tries; what waits for
/// it waits again.
#[tokio::test]
async fn a_restored_task_has_lost_nothing() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let first = server.task(&project, "first", &[]).await;
    let task = server.task(&project, "second", &[&first]).await;
    let order = server.start_order().await;
    server.succeed(&order.run).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    let at = server.clock.now();
    let tokens = TokenUsage { input: 10, output: 5, cache_read: 0, cache_write: 0 };
    let body = OutputBody::Usage { message_id: "m".into(), model: "test".into(), tokens, cost_micros: None };
    server.report(&order.run, RunReport::Output { items: vec![OutputItem { seq: 1, at, body }] }).await;
    server.succeed(&order.run).await;
    server.command(|tx, context| commands::system::set_paused(tx, context, true, "")).await.unwrap();
    let third = server.task(&project, "third", &[&task]).await;
    let before = server.record(&task).await;

    assert_eq!(archive(&server, &[&task]).await.unwrap(), 1);
    let archived = server.get(&task).await;
    assert_eq!((archived.status, archived.archived_at.is_some()), (TaskStatus::Completed, true));
    agree(&server).await;
    let (wanted, key) = (project.clone(), before.key);
    let spent = server.reader.read(move |db| ledger::project_total(db, &wanted, Timestamp::from_millis(0))).await.unwrap();
    assert_eq!(spent, 15, "what it cost stays counted");

    let id = task.clone();
    let back = server.command(move |tx, context| commands::archive::restore(tx, context, &id)).await.unwrap();
    assert_eq!((back.task.id, back.task.status, back.task.retry_count), (task.clone(), TaskStatus::Ready, 0));
    let (edges, runs) = (server.reader.read(move |db| dependencies::upstream(db, key)).await.unwrap(), server.runs(&task).await);
    assert_eq!((edges, runs.len(), runs[0].run.tokens.total()), (vec![server.record(&first).await.key], 1, 15));
    let after = server.get(&task).await;
    assert_eq!((after.created_at, after.branch, after.description), (before.task.created_at, before.task.branch, before.task.description));
    assert_eq!(server.get(&third).await.status, TaskStatus::Defined, "it waits for the restored task again");
    agree(&server).await;
    let server = server.restart().await;
    agree(&server).await;
}

/// F-033, D-29: archiving a task that others wait for releases nobody; only COMPLETED does.
#[tokio::test]
async fn the_archive_releases_nobody() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let root = blocked(&server, &project, "root").await;
    let next = server.task(&project, "next", &[&root]).await;
    let named = root.clone();
    let told = server
        .command(move |tx, context| Ok(commands::archive::archive(tx, context, std::slice::from_ref(&named))?.remove(0).waiting))
        .await
        .unwrap();
    assert_eq!(
        told.iter().map(|link| link.id.clone()).collect::<Vec<_>>(),
        std::slice::from_ref(&next),
        "the caller is told who still waits"
    );
    assert!(server.nothing_started().await);
    assert_eq!(server.get(&next).await.status, TaskStatus::Defined);
    agree(&server).await;
    // A start of the server reads the same.
    let server = server.restart().await;
    assert!(server.nothing_started().await);
    assert_eq!(server.get(&next).await.status, TaskStatus::Defined);
}

/// F-033, D-27: a parent with an unfinished subtask is refused with the list, and nothing at all is changed: by archiving and by deleting.
#[tokio::test]
async fn a_parent_of_unfinished_subtasks_is_refused() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let parent = server.task(&project, "parent", &[]).await;
    let order = server.start_order().await;
    server.succeed(&order.run).await;
    server.command(|tx, context| commands::system::set_paused(tx, context, true, "")).await.unwrap();
    let mut new = new_task(&project, "child", &[]);
    new.parent = Some(parent.clone());
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let child = made[0].task.id.clone();
    let before = server.record(&parent).await;

    let refused = archive(&server, &[&parent]).await.unwrap_err();
    let CommandError::Precondition { reason: "SUBTASKS_UNFINISHED", message } = refused else { panic!("{refused:?}") };
    assert!(message.contains(&format!("{child} (READY)")), "{message}");
    let id = parent.clone();
    let refused = server.command(move |tx, context| commands::control::delete(tx, context, &id)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "SUBTASKS_UNFINISHED", .. }), "{refused:?}");
    assert_eq!(server.record(&parent).await, before);
    assert_eq!(server.runs(&parent).await.len(), 1);

    // The whole project at once: what can be archived is, the rest is told with its reason.
    let wanted = project.clone();
    let (gone, left) = server.command(move |tx, context| commands::archive::archive_project(tx, context, &wanted, false)).await.unwrap();
    assert_eq!((gone.len(), left.len(), left[0].record.task.id.clone()), (0, 1, parent.clone()));
    let id = child.clone();
    server.command(move |tx, context| commands::control::stop(tx, context, &id, "")).await.unwrap();
    assert_eq!(archive(&server, &[&parent, &child]).await.unwrap(), 2, "all of them or none");
    agree(&server).await;
}

/// Archive and commands R20: what is in the archive is restored before anything else is done to it, and only finished tasks get there.
#[tokio::test]
async fn archived_tasks_are_left_alone() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = blocked(&server, &project, "root").await;
    assert_eq!(archive(&server, &[&task]).await.unwrap(), 1);
    let refused = |error: CommandError| matches!(error, CommandError::Precondition { reason: "TASK_ARCHIVED", .. });
    let id = task.clone();
    assert!(refused(server.command(move |tx, context| commands::control::restart(tx, context, &id, "")).await.unwrap_err()));
    let id = task.clone();
    assert!(refused(server.command(move |tx, context| commands::control::skip(tx, context, &id)).await.unwrap_err()));
    let id = task.clone();
    let by_hand = server.command(move |tx, context| commands::control::set_status(tx, context, &id, TaskStatus::Ready, "x")).await;
    assert!(refused(by_hand.unwrap_err()));
    assert!(refused(archive(&server, &[&task]).await.unwrap_err()));
    let open = server.task(&project, "open", &[]).await;
    let order = server.start_order().await;
    assert!(matches!(archive(&server, &[&open]).await, Err(CommandError::Precondition { reason: "TASK_NOT_FINISHED", .. })));
    // Stopped, but its process is still there.
    let id = open.clone();
    server.command(move |tx, context| commands::control::stop(tx, context, &id, "")).await.unwrap();
    assert!(matches!(archive(&server, &[&open]).await, Err(CommandError::Precondition { reason: "RUN_NOT_OVER", .. })));
    let outcome = RunOutcome::Stopped { reason: aq_core::runner_link::StopReason::Operator };
    server.report(&order.run, RunReport::Finished { outcome, exit_code: None }).await;
    assert_eq!(archive(&server, &[&open]).await.unwrap(), 1);
    let id = open.clone();
    server.command(move |tx, context| commands::archive::restore(tx, context, &id)).await.unwrap();
    let id = open.clone();
    let again = server.command(move |tx, context| commands::archive::restore(tx, context, &id)).await;
    assert!(matches!(again, Err(CommandError::Precondition { reason: "TASK_NOT_ARCHIVED", .. })));
    // An archived task can still be deleted.
    let id = task.clone();
    server.command(move |tx, context| commands::control::delete(tx, context, &id)).await.unwrap();
    agree(&server).await;
}

/// F-091, D-28: the sweep takes what is old and finished, leaves what others wait for and what is young, and one task that cannot be archived
/// stops no other.
#[tokio::test]
async fn one_bad_task_does_not_stop_the_sweep() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let mut done = Vec::new();
    for title in ["one", "two", "three"] {
        done.push(server.task(&project, title, &[]).await);
        let order = server.start_order().await;
        server.succeed(&order.run).await;
    }
    let waited = blocked(&server, &project, "waited for").await;
    let waiting = server.task(&project, "waiting", &[&waited]).await;
    let forgotten = blocked(&server, &project, "forgotten").await;
    server.clock.advance(48 * 3_600_000);
    let young = blocked(&server, &project, "young").await;
    // A row that cannot be read: no code of ours writes it.
    let bad = server.record(&done[1]).await.key;
    let spoil = format!("UPDATE tasks SET verification = 'nonsense' WHERE key = {bad}");
    server.engine.submit(move |tx| tx.db.batch(&spoil)).await.unwrap();

    let off = ArchivePolicy { enabled: false, ..ArchivePolicy::default() };
    let now = server.clock.now();
    assert_eq!(archive_old(&server.engine, &server.reader, &off, now).await.unwrap(), Swept::default());
    let swept = archive_old(&server.engine, &server.reader, &ArchivePolicy::default(), now).await.unwrap();
    assert_eq!(swept, Swept { archived: 3, failed: 1 });
    let repair = format!("UPDATE tasks SET verification = 'auto_test' WHERE key = {bad}");
    server.engine.submit(move |tx| tx.db.batch(&repair)).await.unwrap();
    for (task, archived) in [(&done[0], true), (&done[1], false), (&done[2], true), (&waited, false), (&forgotten, true), (&young, false)] {
        assert_eq!(server.get(task).await.is_archived(), archived, "{task}");
    }
    assert_eq!(server.get(&waiting).await.status, TaskStatus::Defined);
    assert_eq!(server.get(&waited).await.blocked_reason, Some(BlockedReason::Config));
    agree(&server).await;
    // The next sweep finds the repaired one.
    let swept = archive_old(&server.engine, &server.reader, &ArchivePolicy::default(), now).await.unwrap();
    assert_eq!(swept, Swept { archived: 1, failed: 0 });
    assert_eq!(server.reader.read(|db| rows::count(db, None)).await.unwrap(), 4);
}

/// Architecture decision 8: what is in the archive is in no figure that a pass reads.
#[tokio::test]
async fn the_archive_costs_a_pass_nothing() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let order = server.start_order().await;
    server.succeed(&order.run).await;
    assert_eq!(archive(&server, &[&task]).await.unwrap(), 1);
    let now = server.clock.now();
    let left = server
        .engine
        .submit(move |tx| {
            let hot = tx.state.projects.values().next().unwrap();
            let counted: u64 = hot.counts.values().sum();
            Ok::<_, StoreError>((counted, hot.ready.len(), tx.state.runs.len(), snapshot(tx.state, &policy(), now).projects.len()))
        })
        .await
        .unwrap();
    assert_eq!(left, (0, 0, 0, 0));
    assert!(server.nothing_started().await);
    server.ordered(|order| matches!(order, RunnerOrder::Release { task_ended: true, .. }).then_some(())).await;
}

/// How much is stored: edges, attachments, notes of alerts, tasks that were not deleted, all tasks, runs.
async fn stored(server: &Harness) -> [usize; 6] {
    let count = |db: &mut Connection| {
        let mut counts = [0; 6];
        for key in 1..=task_figures::last_key(db)? {
            counts[0] += dependencies::upstream(db, key)?.len();
            counts[1] += attachments::of_task(db, key)?.len();
            counts[3] += usize::from(tasks::by_key(db, key)?.deleted_at.is_none());
            counts[4] += 1;
            counts[5] += runs::of_task(db, key)?.len();
        }
        counts[2] = chains::all_told(db)?.len();
        Ok::<_, StoreError>(counts)
    };
    server.reader.read(count).await.unwrap()
}

/// F-031, D-27, D-35: deleting a task or a project removes edges, attachments and texts and nothing else: names, runs and costs stay, archived tasks go
/// along, and what waited elsewhere no longer does. A refused deletion changes nothing.
#[tokio::test]
async fn deleting_removes_exactly_what_it_says() {
    let server = Harness::start().await;
    server.agents(1).await;
    let (app, other) = (server.project("App", 1).await, server.project("Other", 1).await);
    let root = blocked(&server, &app, "root").await;
    let mut new = new_task(&app, "with texts", &[&root]);
    let text = |content: &str| Attachment { kind: AttachmentKind::Context, label: String::new(), content: content.into() };
    new.attachments = vec![text("a"), text("b")];
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let texts = made[0].task.id.clone();
    let elsewhere = server.task(&other, "elsewhere", &[&root]).await;
    server.clock.advance(10 * 3_600_000);
    let told = aq_server::orchestrator::tell_stuck(&server.engine, &server.reader, 3_600_000, server.clock.now()).await.unwrap();
    assert_eq!((told, stored(&server).await), (2, [2, 2, 2, 3, 3, 1]));

    // Refused while work is unfinished; nothing is gone.
    let id = app.clone();
    let refused = server.command(move |tx, context| commands::projects::delete(tx, context, &id)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "PROJECT_HAS_TASKS", .. }), "{refused:?}");
    assert_eq!(stored(&server).await, [2, 2, 2, 3, 3, 1]);

    server.command(move |tx, context| commands::control::delete(tx, context, &texts)).await.unwrap();
    assert_eq!(stored(&server).await, [1, 0, 1, 2, 3, 1]);
    assert_eq!(archive(&server, &[&root]).await.unwrap(), 1);
    let id = app.clone();
    server.command(move |tx, context| commands::projects::delete(tx, context, &id)).await.unwrap();
    assert_eq!(server.start_order().await.run.task, elsewhere, "what waited in another project goes on");
    assert_eq!(stored(&server).await, [0, 0, 1, 1, 3, 2], "the archived task went along; its run is history");
    let name = root.to_string();
    assert!(server.reader.read(move |db| aq_server::store::tasks::name_used(db, &name)).await.unwrap());
    let now = server.clock.now();
    aq_server::orchestrator::tell_stuck(&server.engine, &server.reader, 3_600_000, now).await.unwrap();
    assert_eq!(stored(&server).await, [0, 0, 0, 1, 3, 2], "nobody is stuck any more");
    agree(&server).await;
    let server = server.restart().await;
    agree(&server).await;
}

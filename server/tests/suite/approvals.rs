//! What waits for approval: pull requests and their fate, reminders, approvals that are no longer needed (orchestrator R30–R33).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aq_core::event::EventKind;
use aq_core::ids::{ProjectId, RunRef, TaskId};
use aq_core::runner_link::{BoxFuture, Conclusion, LandMode, RunOutcome, RunReport, RunnerLink, RunnerOrder};
use aq_core::task::{BlockedReason, TaskStatus};
use aq_core::workspace::WorkspaceKind;
use aq_server::commands::{self, control, edit};
use aq_server::forges::{Forge, ForgeError, Polled, PullRequest, PullState, RepositoryName, Review, WantedPull, repository_of};
use aq_server::orchestrator::{Approvals, ConflictWatch};
use aq_server::store::events;
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, new_task};

/// A forge that says what it was told to.
#[derive(Default)]
struct Scripted {
    opened: Mutex<Vec<WantedPull>>,
    answers: Mutex<VecDeque<Result<Polled, ForgeError>>>,
}

fn pull(state: PullState) -> PullRequest {
    let merged_as = if state == PullState::Merged { "2".repeat(40) } else { String::new() };
    PullRequest { number: 7, url: "https://github.com/me/app/pull/7".into(), state, merged_as }
}

impl Scripted {
    fn will(&self, state: PullState) {
        let polled = Polled::Is { pull: pull(state), review: Review::None, etag: "one".into() };
        self.answers.lock().unwrap().push_back(Ok(polled));
    }
}

impl Forge for Scripted {
    fn serves(&self, url: &str) -> Option<RepositoryName> {
        repository_of(url)
    }

    fn open(&self, wanted: WantedPull) -> BoxFuture<'_, Result<PullRequest, ForgeError>> {
        self.opened.lock().unwrap().push(wanted);
        Box::pin(async { Ok(pull(PullState::Open)) })
    }

    fn poll(&self, _: RepositoryName, number: u64, _: String) -> BoxFuture<'_, Result<Polled, ForgeError>> {
        assert_eq!(number, 7);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(Polled::Unchanged));
        Box::pin(async { answer })
    }
}

fn watch(server: &Harness, forge: Option<&Arc<Scripted>>) -> Approvals {
    let forge = forge.map(|forge| Arc::clone(forge) as Arc<dyn Forge>);
    Approvals::new(server.parts(), server.bus.clone(), forge, Arc::clone(&server.link) as Arc<dyn RunnerLink>)
}

/// A project whose repository is at the forge.
async fn project(server: &Harness) -> ProjectId {
    let fields = commands::projects::ProjectFields {
        name: Some("App".into()),
        repo_url: Some("https://github.com/me/app.git".into()),
        ..Default::default()
    };
    let home = server.home.path().to_owned();
    let made = server.command(move |tx, context| {
        let project = commands::projects::create(tx, context, &fields)?;
        commands::workspaces::add(tx, context, &project.id, WorkspaceKind::Clone, None, "", &home)?;
        Ok(project.id)
    });
    made.await.unwrap()
}

/// A task that requires approval, worked on up to the order to conclude; gives the run and what becomes of the work.
async fn worked(server: &Harness, project: &ProjectId) -> (RunRef, LandMode) {
    let mut new = new_task(project, "Do it", &[]);
    new.requires_approval = true;
    server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let run = server.start_order().await.run;
    server.running(&run).await;
    let outcome = RunOutcome::Succeeded { summary: "did it".into() };
    server.report(&run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    (run.clone(), conclude_order(server, &run).await)
}

async fn conclude_order(server: &Harness, run: &RunRef) -> LandMode {
    let wanted = run.clone();
    server
        .ordered(move |order| match order {
            RunnerOrder::Conclude(order) if order.run == wanted => Some(order.land),
            _ => None,
        })
        .await
}

async fn kept(server: &Harness, run: &RunRef, pushed: bool) {
    let conclusion = Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a.txt".into()], lines_changed: 0, pushed };
    server.report(run, RunReport::Concluded { conclusion }).await;
}

async fn told(server: &Harness, kind: EventKind) -> usize {
    let all = server.reader.read(|db| events::after(db, 0, 10_000)).await.unwrap();
    all.iter().filter(|event| event.kind == kind).count()
}

fn pass(server: &Harness, seconds: i64) {
    server.clock.advance(seconds * 1000);
}

/// F-080, F-081, D-45: the branch is pushed, the pull request opened once with title and text, also over a restart; merged means completed and cleared
/// away.
#[tokio::test]
async fn a_merged_pull_request_completes_the_task() {
    let server = Harness::start().await;
    let project = project(&server).await;
    server.agents(1).await;
    let (run, land) = worked(&server, &project).await;
    assert_eq!(land, LandMode::Publish);
    kept(&server, &run, true).await;
    let waiting = server.until(&run.task, TaskStatus::AwaitingApproval).await;
    assert_eq!(waiting.pr_url, None);
    let forge = Arc::new(Scripted::default());
    watch(&server, Some(&forge)).round().await.unwrap();
    let wanted = forge.opened.lock().unwrap()[0].clone();
    assert_eq!((wanted.branch.as_str(), wanted.title.as_str()), (waiting.branch.as_deref().unwrap(), "Do it"));
    assert!(wanted.body.starts_with(&format!("Automated PR for task `{}`.", run.task)));
    assert_eq!(server.get(&run.task).await.pr_url.as_deref(), Some("https://github.com/me/app/pull/7"));

    let server = server.restart().await;
    watch(&server, Some(&forge)).round().await.unwrap();
    pass(&server, 61);
    watch(&server, Some(&forge)).round().await.unwrap();
    assert_eq!(server.get(&run.task).await.status, TaskStatus::AwaitingApproval, "nothing changed");
    let opened = forge.opened.lock().unwrap().len();
    assert_eq!((opened, told(&server, EventKind::PrCreated).await), (1, 1));
    forge.will(PullState::Merged);
    pass(&server, 61);
    watch(&server, Some(&forge)).round().await.unwrap();
    server.until(&run.task, TaskStatus::Completed).await;
    let retired = server
        .ordered(|order| matches!(order, RunnerOrder::Retire { workspace, .. } if workspace.branch == wanted.branch).then_some(()))
        .await;
    assert_eq!((retired, told(&server, EventKind::PrMerged).await), ((), 1));
}

/// F-081: a pull request that is closed blocks the task, and what waits for it keeps waiting.
#[tokio::test]
async fn a_closed_pull_request_blocks_the_task() {
    let server = Harness::start().await;
    let project = project(&server).await;
    server.agents(1).await;
    let (run, _) = worked(&server, &project).await;
    let waits = server.task(&project, "after", &[&run.task]).await;
    kept(&server, &run, true).await;
    let forge = Arc::new(Scripted::default());
    let watch = watch(&server, Some(&forge));
    watch.round().await.unwrap();
    forge.will(PullState::Closed);
    pass(&server, 61);
    watch.round().await.unwrap();
    let task = server.until(&run.task, TaskStatus::Blocked).await;
    assert_eq!(task.blocked_reason, Some(BlockedReason::ApprovalRejected));
    assert_eq!(server.get(&waits).await.status, TaskStatus::Defined);
}

/// F-081, orchestrator R31: a person approves by hand, only while the task awaits approval; the work is landed, and a late word of the forge changes
/// nothing.
#[tokio::test]
async fn a_person_approves_by_hand() {
    let server = Harness::start().await;
    let project = project(&server).await;
    server.agents(1).await;
    let (run, _) = worked(&server, &project).await;
    let id = run.task.clone();
    let early = server.command({
        let id = id.clone();
        move |tx, context| control::approve(tx, context, &id)
    });
    assert!(early.await.is_err(), "approved before it awaited approval");
    kept(&server, &run, true).await;
    server.until(&id, TaskStatus::AwaitingApproval).await;
    let forge = Arc::new(Scripted::default());
    let watch = watch(&server, Some(&forge));
    watch.round().await.unwrap();
    server.command(move |tx, context| control::approve(tx, context, &id)).await.unwrap();
    assert_eq!(conclude_order(&server, &run).await, LandMode::Merge);
    forge.will(PullState::Closed);
    pass(&server, 61);
    watch.round().await.unwrap();
    kept(&server, &run, true).await;
    server.until(&run.task, TaskStatus::Completed).await;
}

/// F-082: without a pull request people are reminded hourly and told of a stuck wait after a day; after the requirement was taken away, the work is
/// landed 120 s later.
#[tokio::test]
async fn reminders_come_hourly_and_waived_work_lands() {
    let server = Harness::start().await;
    let project = server.project("local", 1).await;
    server.agents(1).await;
    let (run, land) = worked(&server, &project).await;
    assert_eq!(land, LandMode::KeepBranch);
    kept(&server, &run, false).await;
    server.until(&run.task, TaskStatus::AwaitingApproval).await;
    let watch = watch(&server, None);
    let counts = async || (told(&server, EventKind::TaskApprovalReminder).await, told(&server, EventKind::TaskApprovalStuck).await);
    watch.round().await.unwrap();
    assert_eq!(counts().await, (0, 0));
    for hour in 1..=23 {
        pass(&server, 3600);
        watch.round().await.unwrap();
        watch.round().await.unwrap();
        assert_eq!(counts().await, (hour, 0));
    }
    pass(&server, 3600);
    watch.round().await.unwrap();
    assert_eq!(counts().await, (23, 1));

    let id: TaskId = run.task.clone();
    let waive = edit::TaskEdit { requires_approval: Some(false), ..Default::default() };
    server.command(move |tx, context| edit::edit(tx, context, &id, &waive)).await.unwrap();
    pass(&server, 119);
    watch.round().await.unwrap();
    assert_eq!(server.get(&run.task).await.status, TaskStatus::AwaitingApproval);
    pass(&server, 1);
    watch.round().await.unwrap();
    assert_eq!(conclude_order(&server, &run).await, LandMode::Merge);
    kept(&server, &run, false).await;
    server.until(&run.task, TaskStatus::Completed).await;
}

/// F-084: work that a person verifies waits for that person.
#[tokio::test]
async fn human_verification_awaits_approval() {
    let server = Harness::start().await;
    let project = server.project("local", 1).await;
    server.agents(1).await;
    let id = server.task(&project, "look", &[]).await;
    let run = server.start_order().await.run;
    let key = server.record(&id).await.key;
    let by_a_person = move |tx: &mut aq_server::lifecycle::Tx<'_>, _: &commands::Context| {
        let mut record = aq_server::store::tasks::by_key(tx.db, key)?;
        record.task.verification = aq_core::task::VerificationType::Human;
        Ok(aq_server::store::tasks::edit(tx.db, &record)?)
    };
    server.command(by_a_person).await.unwrap();
    server.running(&run).await;
    server.report(&run, RunReport::Finished { outcome: RunOutcome::Succeeded { summary: "did it".into() }, exit_code: Some(0) }).await;
    assert_eq!(conclude_order(&server, &run).await, LandMode::KeepBranch);
    kept(&server, &run, false).await;
    server.until(&id, TaskStatus::AwaitingApproval).await;
    let approved = id.clone();
    server.command(move |tx, context| control::approve(tx, context, &approved)).await.unwrap();
    assert_eq!(conclude_order(&server, &run).await, LandMode::Merge);
    kept(&server, &run, false).await;
    server.until(&id, TaskStatus::Completed).await;
}

/// F-079, commands R40: a conflict is told, and a repair works on the kept branch with the conflict in its prompt; when it has landed, the blocked task
/// is done too and what waits for it goes on.
#[tokio::test]
async fn a_repair_lands_the_blocked_task() {
    let server = Harness::start().await;
    let project = server.project("local", 2).await;
    server.agents(1).await;
    let id = server.task(&project, "clash", &[]).await;
    let waits = server.task(&project, "after", &[&id]).await;
    let run = server.start_order().await.run;
    let refused = server.command({
        let id = id.clone();
        move |tx, context| commands::repair::repair(tx, context, &id)
    });
    assert!(refused.await.is_err(), "repaired while it runs");
    server.running(&run).await;
    server.report(&run, RunReport::Finished { outcome: RunOutcome::Succeeded { summary: "did it".into() }, exit_code: Some(0) }).await;
    conclude_order(&server, &run).await;
    let conclusion = Conclusion::MergeConflict { files: vec!["a.txt".into()] };
    server.report(&run, RunReport::Concluded { conclusion }).await;
    let blocked = server.until(&id, TaskStatus::Blocked).await;
    assert_eq!(told(&server, EventKind::GitConflict).await, 1);
    let original = id.clone();
    let made = server.command(move |tx, context| commands::repair::repair(tx, context, &original)).await.unwrap();
    assert_eq!(made.task.branch, blocked.branch);
    let original = id.clone();
    assert!(server.command(move |tx, context| commands::repair::repair(tx, context, &original)).await.is_err(), "repaired twice");
    let start = server.start_order().await;
    assert_eq!((&start.run.task, Some(&start.workspace.branch)), (&made.task.id, blocked.branch.as_ref()));
    assert!(start.prompt.contains("conflict with the default branch in a.txt"), "{}", start.prompt);
    server.succeed(&start.run).await;
    server.until(&made.task.id, TaskStatus::Completed).await;
    server.until(&id, TaskStatus::Completed).await;
    assert_ne!(server.get(&waits).await.status, TaskStatus::Defined);
}

/// orchestrator R34: work that waits for approval is told to conflict as soon as something lands that it conflicts with, once; and that it does no more.
#[tokio::test]
async fn a_conflict_is_told_before_the_landing() {
    let server = Harness::start().await;
    let project = server.project("local", 2).await;
    server.agents(1).await;
    let (run, _) = worked(&server, &project).await;
    kept(&server, &run, false).await;
    server.until(&run.task, TaskStatus::AwaitingApproval).await;
    let (files, asked) = (Arc::new(Mutex::new(Vec::<String>::new())), Arc::new(Mutex::new(0)));
    let (foreseen, counted) = (Arc::clone(&files), Arc::clone(&asked));
    let watch = ConflictWatch::asking(server.parts(), server.bus.clone(), move |_, branch, fetch| {
        assert!(branch.contains("do-it") && fetch, "{branch}: the remote is asked first");
        *counted.lock().unwrap() += 1;
        let foreseen = foreseen.lock().unwrap().clone();
        Box::pin(async { Ok(foreseen) })
    });
    watch.once().await.unwrap();
    let events = told(&server, EventKind::ConflictExpected).await;
    assert_eq!((*asked.lock().unwrap(), events), (1, 0));
    *files.lock().unwrap() = vec!["a.txt".to_owned(), "b.txt".to_owned()];
    for _ in 0..2 {
        watch.once().await.unwrap();
        assert_eq!(told(&server, EventKind::ConflictExpected).await, 1, "the same is told once");
    }
    let key = server.record(&run.task).await.key;
    let clash = move |tx: &mut aq_server::lifecycle::Tx<'_>| Ok::<_, commands::CommandError>(tx.state.clashes.get(&key).cloned());
    assert_eq!(server.engine.submit(clash).await.unwrap().unwrap(), ["a.txt", "b.txt"]);
    files.lock().unwrap().clear();
    watch.once().await.unwrap();
    assert_eq!(told(&server, EventKind::ConflictExpected).await, 2);
    assert_eq!(server.engine.submit(clash).await.unwrap(), None);
    // Work that landed in the project is a reason to think again; a task that waits no more is not.
    let before = server.engine.submit(|tx| Ok::<_, commands::CommandError>(tx.state.landings.clone())).await.unwrap();
    let other = server.task(&project, "other", &[]).await;
    let start = server.start_order().await;
    assert_eq!(start.run.task, other);
    server.succeed(&start.run).await;
    server.until(&other, TaskStatus::Completed).await;
    let after = server.engine.submit(|tx| Ok::<_, commands::CommandError>(tx.state.landings.clone())).await.unwrap();
    assert_eq!((before.get(&project), after.get(&project)), (None, Some(&1)));
    let approved = run.task.clone();
    server.command(move |tx, context| control::approve(tx, context, &approved)).await.unwrap();
    let before = *asked.lock().unwrap();
    watch.once().await.unwrap();
    assert_eq!(*asked.lock().unwrap(), before);
}

/// Waits until `done`, looking after every event.
async fn eventually(server: &Harness, done: impl Fn() -> bool) {
    let wait = async {
        loop {
            let heard = server.bus.last();
            if done() {
                return;
            }
            server.bus.moved(heard).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("nobody looked");
}

/// orchestrator R34, background R7: while no work waits for approval nothing is due, and work that begins to wait is looked at without anybody ringing.
#[tokio::test]
async fn loops_that_have_nothing_to_do_are_woken_by_what_happens() {
    let server = Harness::start().await;
    let project = project(&server).await;
    server.agents(1).await;
    let (forge, foreseen) = (Arc::new(Scripted::default()), Arc::new(Mutex::new(0)));
    let approvals = watch(&server, Some(&forge));
    assert_eq!(approvals.round().await.unwrap(), None);
    let counted = Arc::clone(&foreseen);
    let conflicts = ConflictWatch::asking(server.parts(), server.bus.clone(), move |_, _, _| {
        *counted.lock().unwrap() += 1;
        Box::pin(async { Ok(vec!["a.txt".to_owned()]) })
    });
    let (stop, rest) = (CancellationToken::new(), Duration::from_millis(1));
    let looking = tokio::spawn(approvals.resting(rest).run(stop.clone()));
    let watching = tokio::spawn(conflicts.resting(rest).run(stop.clone()));
    let (run, _) = worked(&server, &project).await;
    kept(&server, &run, true).await;
    eventually(&server, || *foreseen.lock().unwrap() == 1).await;
    eventually(&server, || forge.opened.lock().unwrap().len() == 1).await;
    stop.cancel();
    looking.await.unwrap().unwrap();
    watching.await.unwrap().unwrap();
    assert_eq!(told(&server, EventKind::ConflictExpected).await, 1);
}

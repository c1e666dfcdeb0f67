//! What hangs on a task goes with it: nothing is left of a deleted task but its name, its runs and what it cost.

use aq_core::ids::TaskId;
use aq_core::output::{OutputBody, OutputItem, Question, QuestionKind};
use aq_core::project::PlanApproval;
use aq_core::runner_link::{Answer, RunOutcome, RunReport, StopReason};
use aq_core::task::{Attachment, AttachmentKind, TaskStatus};
use aq_server::clock::Clock as _;
use aq_server::commands::create::NewTask;
use aq_server::commands::questions::Remember;
use aq_server::commands::{self, control};
use aq_server::store::{StoreError, attachments, grants, messages, plans, questions, tasks};

use crate::harness::{Harness, new_task};

/// Rows that hang on the task: questions, messages, plans, its rule for plans, attachments; and all grants.
async fn left(server: &Harness, key: i64) -> [usize; 6] {
    let read = move |db: &mut aq_server::store::Connection| {
        Ok::<_, StoreError>([
            questions::of_run(db, key, 1)?.len(),
            messages::of_task(db, key)?.len(),
            plans::of_task(db, key)?.len(),
            plans::task_rules(db, &[key])?.len(),
            attachments::of_task(db, key)?.len(),
            grants::all(db)?.len(),
        ])
    };
    server.reader.read(read).await.unwrap()
}

/// A task at work that has one of everything, and the number of the last item of its output.
async fn burdened(server: &Harness) -> (TaskId, i64) {
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let note = Attachment { kind: AttachmentKind::Context, label: String::new(), content: "note".into() };
    let new = NewTask { attachments: vec![note], plan_approval: Some(PlanApproval::Approve), ..new_task(&project, "x", &[]) };
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    let id = made[0].task.id.clone();
    let run = server.start_order().await.run;
    server.running(&run).await;
    let asked = |seq: u64, kind| {
        let tool = if kind == QuestionKind::Permission { "Bash" } else { "" };
        let detail =
            if kind == QuestionKind::PlanApproval { "## Phase 1: dig\n\nDig a hole.\n\n## Phase 2: fill\n\nFill it again.\n" } else { "" };
        let question = Question {
            request_id: format!("q{seq}"),
            kind,
            text: "may I?".into(),
            tool: tool.into(),
            detail: detail.into(),
            options: Vec::new(),
        };
        OutputItem { seq, at: server.clock.now(), body: OutputBody::Question(question) }
    };
    server.report(&run, RunReport::Output { items: vec![asked(1, QuestionKind::Permission)] }).await;
    for remember in [Remember::Task, Remember::Project] {
        let (of, seq) = (id.clone(), if remember == Remember::Task { "q1" } else { "q2" });
        if seq == "q2" {
            let key = server.record(&id).await.key;
            server.command(move |tx, _| Ok(grants::forget(tx.db, &aq_server::store::GrantScope::Task(key))?)).await.unwrap();
            server.report(&run, RunReport::Output { items: vec![asked(2, QuestionKind::Permission)] }).await;
        }
        let answer = move |tx: &mut aq_server::lifecycle::Tx<'_>, context: &commands::Context| {
            commands::questions::answer(tx, context, &of, seq, Answer::Allow, Some(remember))
        };
        server.command(answer).await.unwrap();
    }
    let of = id.clone();
    server.command(move |tx, context| commands::questions::message(tx, context, &of, "m".into(), "hurry")).await.unwrap();
    server.report(&run, RunReport::Output { items: vec![asked(3, QuestionKind::PlanApproval)] }).await;
    let key = server.record(&id).await.key;
    server
        .command(move |tx, context| {
            Ok(grants::allow(tx.db, &aq_server::store::GrantScope::Task(key), "Edit", &context.actor(), context.now)?)
        })
        .await
        .unwrap();
    assert_eq!(left(server, key).await, [3, 1, 1, 1, 1, 2]);
    (id, key)
}

/// commands R14: a deleted task takes its questions, messages, plans, rules, attachments and grants with it, and its run, which is being stopped, brings none of
/// them back; the grant of the project stays.
#[tokio::test]
async fn a_deleted_task_leaves_nothing_behind() {
    let server = Harness::start().await;
    let (id, key) = burdened(&server).await;
    let run = server.get(&id).await.run().unwrap();
    server.command(move |tx, context| control::delete(tx, context, &id)).await.unwrap();
    assert_eq!(left(&server, key).await, [0, 0, 0, 0, 0, 1]);
    let late = Question {
        request_id: "q9".into(),
        kind: QuestionKind::Question,
        text: "still there?".into(),
        tool: String::new(),
        detail: String::new(),
        options: Vec::new(),
    };
    let items = vec![OutputItem { seq: 4, at: server.clock.now(), body: OutputBody::Question(late) }];
    server.report(&run, RunReport::Output { items }).await;
    server
        .report(&run, RunReport::PlanFound { path: "plan.md".into(), text: "## Phase 1: more\n\nMore.\n".into(), truncated: false })
        .await;
    server.report(&run, RunReport::Finished { outcome: RunOutcome::Stopped { reason: StopReason::Operator }, exit_code: None }).await;
    assert_eq!(left(&server, key).await, [0, 0, 0, 0, 0, 1]);
    let row = server.reader.read(move |db| tasks::by_key(db, key)).await.unwrap();
    assert!(row.deleted_at.is_some() && row.task.title.is_empty());
    crate::figures::check_rows(&server).await.unwrap();
}

/// commands R16: with a project everything goes that hangs on it and on its tasks.
#[tokio::test]
async fn a_deleted_project_leaves_nothing_behind() {
    let server = Harness::start().await;
    let (id, key) = burdened(&server).await;
    let task = server.get(&id).await;
    let (stopped, project) = (id.clone(), task.project.clone());
    server.command(move |tx, context| control::stop(tx, context, &stopped, "")).await.unwrap();
    let outcome = RunOutcome::Stopped { reason: StopReason::Operator };
    server.report(&task.run().unwrap(), RunReport::Finished { outcome, exit_code: None }).await;
    server.until(&id, TaskStatus::Blocked).await;
    server.command(move |tx, context| commands::projects::delete(tx, context, &project)).await.unwrap();
    assert_eq!(left(&server, key).await, [0; 6]);
}

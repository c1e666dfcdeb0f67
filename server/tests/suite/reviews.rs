//! Review by a second agent (F-084), through the real store, lifecycle and orchestrator; the test plays the runner's part.

use aq_core::event::EventKind;
use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId};
use aq_core::output::{FailureClass, OutputBody, OutputItem, TokenUsage};
use aq_core::run::{RunPurpose, RunResult};
use aq_core::runner_link::{ConcludeRun, Conclusion, LandMode, RunOutcome, RunReport, RunnerOrder, SessionOrder, StartRun, StopReason};
use aq_core::runtime::RuntimeKind;
use aq_core::task::{BlockedReason, TaskStatus, VerificationType};
use aq_server::clock::Clock as _;
use aq_server::commands::agents::AgentFields;
use aq_server::commands::projects::ProjectFields;
use aq_server::commands::{self, control};
use aq_server::store::events;

use crate::harness::{Harness, new_task};

const WORK: &str = "1111111111111111111111111111111111111111";
const PASS: &str = "All is well.\n\n```verdict\n{\"verdict\": \"pass\", \"reasons\": []}\n```\n";
const FAIL: &str = "It is wrong.\n\n```verdict\n{\"verdict\": \"fail\", \"reasons\": [\"a.txt:1 says hullo\"]}\n```\n";

/// A server with a project, an agent, and a task whose work a second agent reviews.
async fn world(agents: usize) -> (Harness, ProjectId, TaskId) {
    let server = Harness::start().await;
    server.agents(agents).await;
    let project = server.project("App", 2).await;
    let new = commands::create::NewTask { verification: Some(VerificationType::QaAgent), ..new_task(&project, "greet", &[]) };
    let made = server.command(move |tx, context| commands::create::create(tx, context, std::slice::from_ref(&new))).await.unwrap();
    (server, project, made[0].task.id.clone())
}

async fn finished(server: &Harness, run: &RunRef, summary: &str) {
    server.report(run, RunReport::Finished { outcome: RunOutcome::Succeeded { summary: summary.into() }, exit_code: Some(0) }).await;
}

async fn conclude_order(server: &Harness, run: &RunRef) -> ConcludeRun {
    let wanted = run.clone();
    let order = server.ordered(move |order| match order {
        RunnerOrder::Conclude(order) if order.run == wanted => Some(order.as_ref().clone()),
        _ => None,
    });
    order.await
}

async fn done(server: &Harness, run: &RunRef) {
    let conclusion = Conclusion::Done { commit: WORK.into(), files_changed: vec!["a.txt".into()], lines_changed: 0, pushed: false };
    server.report(run, RunReport::Concluded { conclusion }).await;
}

/// Plays the work up to its review.
async fn work(server: &Harness) -> StartRun {
    let start = server.start_order().await;
    server.running(&start.run).await;
    finished(server, &start.run, "I wrote a.txt").await;
    let order = conclude_order(server, &start.run).await;
    assert_eq!((order.land, order.reviewed), (LandMode::KeepBranch, None));
    done(server, &start.run).await;
    start
}

/// Plays a reviewer that says this.
async fn review(server: &Harness, said: &str) -> StartRun {
    let start = server.start_order().await;
    assert!(start.afresh && start.prompt.contains("You review the work of another agent"), "{}", start.prompt);
    server.running(&start.run).await;
    finished(server, &start.run, said).await;
    start
}

async fn told(server: &Harness, kind: EventKind) -> Vec<serde_json::Value> {
    let all = server.reader.read(|db| events::after(db, 0, i64::MAX)).await.unwrap();
    all.into_iter().filter(|event| event.kind == kind).map(|event| event.payload).collect()
}

/// F-084, orchestrator R40 to R42: the work is kept, a second run of the task reviews it, and its pass lands it. Its tokens are counted, its session is its
/// own, and what waits for the task is told the work and not the review.
#[tokio::test]
async fn a_pass_lands_the_work() {
    let (server, project, id) = world(1).await;
    let after = server.task(&project, "after", &[&id]).await;
    let first = work(&server).await;
    let task = server.get(&id).await;
    assert!(task.review.is_some() && !task.status.is_finished());
    assert_eq!(told(&server, EventKind::TaskReviewDue).await.len(), 1);
    let start = server.start_order().await;
    assert_eq!(start.run, RunRef { task: id.clone(), number: 2 });
    assert!(start.prompt.contains("I wrote a.txt") && start.prompt.contains("```verdict"), "{}", start.prompt);
    assert!(matches!(start.session, SessionOrder::Fresh { .. }) && start.session != first.session);
    server.running(&start.run).await;
    let tokens = TokenUsage { input: 700, ..TokenUsage::default() };
    let body = OutputBody::Usage { message_id: "m1".into(), model: "m".into(), tokens, cost_micros: None };
    let items = vec![OutputItem { seq: 1, at: server.clock.now(), body }];
    server.report(&start.run, RunReport::Output { items }).await;
    finished(&server, &start.run, PASS).await;
    let order = conclude_order(&server, &start.run).await;
    assert_eq!((order.land, order.reviewed.as_deref(), order.plan), (LandMode::Merge, Some(WORK), None));
    done(&server, &start.run).await;
    let task = server.until(&id, TaskStatus::Completed).await;
    assert_eq!((task.review, task.retry_count), (None, 0));
    let runs = server.runs(&id).await;
    let seen: Vec<_> = runs.iter().map(|run| (run.run.purpose, run.run.end.as_ref().unwrap().result)).collect();
    assert_eq!(seen, [(RunPurpose::Work, RunResult::InReview), (RunPurpose::Review, RunResult::Done)]);
    assert_eq!(runs[1].run.tokens.total(), 700);
    let verdicts = told(&server, EventKind::TaskReviewed).await;
    assert_eq!((verdicts.len(), verdicts[0]["verdict"].as_str()), (1, Some("pass")));
    let next = server.start_order().await;
    assert_eq!(next.run.task, after);
    assert!(next.prompt.contains("I wrote a.txt") && !next.prompt.contains("All is well"), "{}", next.prompt);
}

/// F-084, orchestrator R42: a fail is a failed attempt of class verification, and its reasons are what the next run is told; that run's work is reviewed again.
#[tokio::test]
async fn a_fail_is_the_feedback_of_a_retry() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    review(&server, FAIL).await;
    let task = server.until(&id, TaskStatus::Paused).await;
    assert_eq!((task.retry_count, task.review), (1, None));
    let end = server.runs(&id).await[1].run.end.clone().unwrap();
    assert_eq!((end.result, end.class), (RunResult::Failed, Some(FailureClass::Verification)));
    server.clock.advance(3_600_000);
    server.wake.ring();
    let again = server.start_order().await;
    assert!(again.afresh, "what the reviewer left goes aside");
    assert!(
        again.prompt.contains("## What went wrong in the last try\n\nThe review did not pass:\n- a.txt:1 says hullo"),
        "{}",
        again.prompt
    );
    // An interruption does not make it forget why it works again.
    server.running(&again.run).await;
    server.report(&again.run, RunReport::Finished { outcome: RunOutcome::Stopped { reason: StopReason::Shutdown }, exit_code: None }).await;
    let third = server.start_order().await;
    assert!(third.prompt.contains("a.txt:1 says hullo"), "{}", third.prompt);
    server.running(&third.run).await;
    finished(&server, &third.run, "I mended a.txt").await;
    conclude_order(&server, &third.run).await;
    done(&server, &third.run).await;
    let passed = review(&server, PASS).await;
    conclude_order(&server, &passed.run).await;
    done(&server, &passed.run).await;
    server.until(&id, TaskStatus::Completed).await;
}

/// F-084, orchestrator R42: a verdict that is missing or cannot be read is not passed, says so, and is repeated as a review; it is bounded like every failure.
#[tokio::test]
async fn no_verdict_is_no_pass() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    for (said, expected) in [("Looks fine to me.", "gave no verdict"), ("```verdict\nyes\n```", "cannot be read")] {
        review(&server, said).await;
        let task = server.until(&id, TaskStatus::Paused).await;
        assert!(task.review.is_some(), "the work is not at fault");
        let end = server.runs(&id).await.last().unwrap().run.end.clone().unwrap();
        assert!(end.class == Some(FailureClass::Verification) && end.message.contains(expected), "{end:?}");
        server.clock.advance(3_600_000);
        server.wake.ring();
    }
    let last = review(&server, "pass").await;
    assert!(last.prompt.contains("## Why the last review was not accepted"), "{}", last.prompt);
    let task = server.until(&id, TaskStatus::Blocked).await;
    assert_eq!(task.blocked_reason, Some(BlockedReason::RetriesExhausted));
    assert_eq!(told(&server, EventKind::TaskReviewed).await.iter().filter(|said| said["verdict"] == "unreadable").count(), 3);
}

/// F-084, orchestrator R44: a kill at any point of a review changes nothing: the review that was due is due, the one that ran goes on, the conclusion is
/// ordered again and still puts the directory back.
#[tokio::test]
async fn a_review_survives_kills() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    let start = server.start_order().await;
    let server = server.kill().await;
    let again = server.start_order().await;
    assert_eq!((&again.run, again.afresh), (&start.run, true));
    assert!(again.prompt.contains("You review the work of another agent"), "{}", again.prompt);
    server.running(&again.run).await;
    let server = server.kill().await;
    let wanted = start.run.clone();
    let attached = server.ordered(move |order| match order {
        RunnerOrder::Attach { start, .. } if start.run == wanted => Some(start.as_ref().clone()),
        _ => None,
    });
    assert!(attached.await.prompt.contains("You review the work of another agent"));
    finished(&server, &start.run, PASS).await;
    assert_eq!(conclude_order(&server, &start.run).await.reviewed.as_deref(), Some(WORK));
    let server = server.kill().await;
    assert_eq!(conclude_order(&server, &start.run).await.reviewed.as_deref(), Some(WORK));
    done(&server, &start.run).await;
    server.until(&id, TaskStatus::Completed).await;
}

/// F-084: a review that a limit cuts goes on as a review in the same session, without a try.
#[tokio::test]
async fn a_limited_review_goes_on() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    let outcome = RunOutcome::Limited { window: "unknown".into(), resets_at: None, message: "too many requests".into() };
    server.report(&start.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    server.until(&id, TaskStatus::Paused).await;
    server.clock.advance(120_000);
    server.wake.ring();
    let again = server.start_order().await;
    let SessionOrder::Fresh { session_id } = start.session else { panic!() };
    assert_eq!((again.session, again.run.number), (SessionOrder::Resume { session_id }, 3));
    assert!(again.prompt.contains("You review the work of another agent"));
    assert_eq!(server.get(&id).await.retry_count, 0);
}

/// F-084, orchestrator R40: the reviewer is of the runtime, and preferably the agent, that the project names; the task's own runtime does the work.
#[tokio::test]
async fn the_project_names_the_reviewer() {
    let (server, project, id) = world(1).await;
    for name in ["Other", "Quinn"] {
        let fields = AgentFields { name: Some(name.into()), runtime: Some(RuntimeKind::Claude), ..AgentFields::default() };
        server.command(move |tx, context| commands::agents::create(tx, context, &fields)).await.unwrap();
    }
    let quinn = AgentId::parse("quinn").unwrap();
    let unknown = ProjectFields { reviewer: Some(Some(AgentId::parse("nobody").unwrap())), ..ProjectFields::default() };
    let named = ProjectFields { reviewer: Some(Some(quinn.clone())), ..ProjectFields::default() };
    let (of, named_of) = (project.clone(), project);
    assert!(server.command(move |tx, context| commands::projects::edit(tx, context, &of, &unknown)).await.is_err());
    server.command(move |tx, context| commands::projects::edit(tx, context, &named_of, &named)).await.unwrap();
    work(&server).await;
    let start = server.start_order().await;
    assert_eq!((start.agent, start.runtime), (quinn, RuntimeKind::Claude));
    assert_eq!(server.get(&id).await.needs().runtime, Some(RuntimeKind::Claude));
}

/// F-080, F-084: work that a second agent passed and that needs a person's approval as well waits for it, and is not reviewed once more when it is approved.
#[tokio::test]
async fn approval_comes_after_the_review() {
    let (server, _, id) = world(1).await;
    let edit = commands::edit::TaskEdit { requires_approval: Some(true), ..commands::edit::TaskEdit::default() };
    let edited = id.clone();
    server.command(move |tx, context| commands::edit::edit(tx, context, &edited, &edit)).await.unwrap();
    work(&server).await;
    let start = review(&server, PASS).await;
    assert_eq!(conclude_order(&server, &start.run).await.land, LandMode::KeepBranch);
    done(&server, &start.run).await;
    server.until(&id, TaskStatus::AwaitingApproval).await;
    let approved = id.clone();
    server.command(move |tx, context| control::approve(tx, context, &approved)).await.unwrap();
    let order = conclude_order(&server, &start.run).await;
    assert_eq!((order.land, order.reviewed), (LandMode::Merge, None), "a person may have changed the branch since");
    done(&server, &start.run).await;
    server.until(&id, TaskStatus::Completed).await;
}

async fn broken(server: &Harness, run: &RunRef) {
    let conclusion = Conclusion::Error { message: "the remote does not answer".into() };
    server.report(run, RunReport::Concluded { conclusion }).await;
}

/// F-084, orchestrator R42a: an error of git after a passed review repeats neither the review nor the work. The same run concludes again after the wait of
/// a failure; what a kill of the server cuts short is ordered at its start; and the reviewed commit is landed once.
#[tokio::test]
async fn an_error_of_git_after_a_pass_repeats_the_landing_alone() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    let start = review(&server, PASS).await;
    let order = conclude_order(&server, &start.run).await;
    assert_eq!((order.land, order.reviewed.as_deref()), (LandMode::Merge, Some(WORK)));
    broken(&server, &start.run).await;
    let task = server.get(&id).await;
    assert_eq!((task.status, task.retry_count), (TaskStatus::Verifying, 0));
    assert_eq!(told(&server, EventKind::TaskHeldUp).await.len(), 1);
    server.clock.advance(60_000);
    server.wake.ring();
    let again = conclude_order(&server, &start.run).await;
    assert_eq!((again.land, again.reviewed.as_deref()), (LandMode::Merge, Some(WORK)));
    broken(&server, &start.run).await;
    assert_eq!(server.get(&id).await.status, TaskStatus::Verifying);
    let server = server.kill().await;
    conclude_order(&server, &start.run).await;
    done(&server, &start.run).await;
    server.until(&id, TaskStatus::Completed).await;
    let seen: Vec<_> = server.runs(&id).await.iter().map(|run| run.run.end.as_ref().unwrap().result).collect();
    assert_eq!(seen, [RunResult::InReview, RunResult::Done]);
    assert_eq!(told(&server, EventKind::TaskReviewed).await.len(), 1);
}

/// Orchestrator R42a, commands R12: when landing reviewed work fails as often as a task may fail, the task waits for a person, and an approval lands it
/// without another agent.
#[tokio::test]
async fn reviewed_work_that_never_lands_waits_for_a_person() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    let start = review(&server, PASS).await;
    for _ in 0..3 {
        conclude_order(&server, &start.run).await;
        broken(&server, &start.run).await;
        server.clock.advance(60_000);
        server.wake.ring();
    }
    let task = server.until(&id, TaskStatus::Blocked).await;
    assert_eq!((task.blocked_reason, task.retry_count, task.review), (Some(BlockedReason::PushFailed), 0, None));
    let approved = id.clone();
    server.command(move |tx, context| control::approve(tx, context, &approved)).await.unwrap();
    server.wake.ring();
    let order = conclude_order(&server, &start.run).await;
    assert_eq!((order.land, order.reviewed.as_deref()), (LandMode::Merge, Some(WORK)), "what the reviewer changed still goes aside");
    done(&server, &start.run).await;
    server.until(&id, TaskStatus::Completed).await;
    assert_eq!(server.runs(&id).await.len(), 2);
}

/// Orchestrator R42a: stopped while its landing waits to be tried again, the task stays stopped; what follows only saves the work on its branch.
#[tokio::test]
async fn a_stop_while_the_landing_waits_lands_nothing() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    let start = review(&server, PASS).await;
    conclude_order(&server, &start.run).await;
    broken(&server, &start.run).await;
    let stopped = id.clone();
    server.command(move |tx, context| control::stop(tx, context, &stopped, "")).await.unwrap();
    server.wake.ring();
    let order = conclude_order(&server, &start.run).await;
    assert_eq!((order.land, order.verify.len()), (LandMode::KeepBranch, 0));
    done(&server, &start.run).await;
    let task = server.until(&id, TaskStatus::Blocked).await;
    assert_eq!(task.blocked_reason, Some(BlockedReason::OperatorStop));
    server.ordered(|order| matches!(order, RunnerOrder::Release { .. }).then_some(())).await;
}

/// core/task R14: a restart of a task under review begins with work again; a conflict blocks it as ever; work that changed nothing is not reviewed.
#[tokio::test]
async fn what_ends_a_review() {
    let (server, _, id) = world(1).await;
    work(&server).await;
    let start = server.start_order().await;
    server.running(&start.run).await;
    let (stopped, restarted) = (id.clone(), id.clone());
    server.command(move |tx, context| control::stop(tx, context, &stopped, "")).await.unwrap();
    server.report(&start.run, RunReport::Finished { outcome: RunOutcome::Stopped { reason: StopReason::Operator }, exit_code: None }).await;
    assert!(server.until(&id, TaskStatus::Blocked).await.review.is_some());
    server.command(move |tx, context| control::restart(tx, context, &restarted, "")).await.unwrap();
    assert_eq!(server.get(&id).await.review, None);
    let again = work(&server).await;
    assert!(again.afresh && again.prompt.contains("## How you work"), "{}", again.prompt);
    let reviewer = review(&server, PASS).await;
    conclude_order(&server, &reviewer.run).await;
    let conclusion = Conclusion::MergeConflict { files: vec!["a.txt".into()] };
    server.report(&reviewer.run, RunReport::Concluded { conclusion }).await;
    let task = server.until(&id, TaskStatus::Blocked).await;
    assert_eq!((task.blocked_reason, task.review), (Some(BlockedReason::MergeConflict), None));
    let reopened = id.clone();
    server.command(move |tx, context| control::restart(tx, context, &reopened, "")).await.unwrap();
    let idle = server.start_order().await;
    server.running(&idle.run).await;
    finished(&server, &idle.run, "there was nothing to do").await;
    conclude_order(&server, &idle.run).await;
    server.report(&idle.run, RunReport::Concluded { conclusion: Conclusion::NothingToDo }).await;
    server.until(&id, TaskStatus::Completed).await;
    let all = server.reader.read(|db| events::after(db, 0, i64::MAX)).await.unwrap();
    assert!(all.iter().any(|event| event.kind == EventKind::TaskReviewed));
}

/// F-084, core/task R12: a task takes what its project says where it says nothing; without any check not even the test commands run, a person comes after them.
#[tokio::test]
async fn the_project_says_who_checks() {
    let server = Harness::start().await;
    server.agents(1).await;
    let project = server.project("App", 1).await;
    for (says, commands) in [(VerificationType::None, 0), (VerificationType::AutoTest, 1), (VerificationType::Human, 1)] {
        let fields = ProjectFields { verification: Some(says), test_commands: Some(vec!["make test".into()]), ..ProjectFields::default() };
        let of = project.clone();
        server.command(move |tx, context| commands::projects::edit(tx, context, &of, &fields)).await.unwrap();
        let id = server.task(&project, "check", &[]).await;
        assert_eq!(server.get(&id).await.verification, says);
        let start = server.start_order().await;
        server.running(&start.run).await;
        finished(&server, &start.run, "did it").await;
        assert_eq!(conclude_order(&server, &start.run).await.verify.len(), commands, "{says}");
        done(&server, &start.run).await;
        server.ordered(|order| matches!(order, RunnerOrder::Release { .. }).then_some(())).await;
    }
}

//! Questions with their deadlines, late answers, permissions given once and for all, and messages to agents at work.

use aq_core::ids::{RunRef, TaskId};
use aq_core::output::{OutputBody, OutputItem, Question, QuestionKind, QuestionOption};
use aq_core::run::RunResult;
use aq_core::runner_link::{Answer, RunOutcome, RunReport, RunnerOrder, SessionOrder, StartRun, StopReason};
use aq_core::task::{TaskStatus, UNTIL_ANSWERED};
use aq_server::clock::Clock as _;
use aq_server::commands::questions::Remember;
use aq_server::commands::{self, CommandError};
use aq_server::store::{events, messages, questions};

use crate::harness::Harness;

/// The configured time that a question may wait.
const DAY: i64 = 24 * 3_600_000;

fn question(id: &str, kind: QuestionKind) -> Question {
    let tool = if kind == QuestionKind::Permission { "WebFetch" } else { "" };
    Question { request_id: id.into(), kind, text: format!("text of {id}"), tool: tool.into(), detail: String::new(), options: Vec::new() }
}

/// A task whose agent works.
async fn at_work(server: &Harness) -> (TaskId, StartRun) {
    server.agents(1).await;
    let project = server.project("App", 1).await;
    let task = server.task(&project, "x", &[]).await;
    let order = server.start_order().await;
    server.running(&order.run).await;
    (task, order)
}

async fn say(server: &Harness, run: &RunRef, seq: u64, body: OutputBody) {
    let items = vec![OutputItem { seq, at: server.clock.now(), body }];
    server.report(run, RunReport::Output { items }).await;
}

async fn ask(server: &Harness, run: &RunRef, seq: u64, id: &str, kind: QuestionKind) {
    say(server, run, seq, OutputBody::Question(question(id, kind))).await;
}

async fn answer(server: &Harness, task: &TaskId, id: &str, answer: Answer) -> Result<Option<RunnerOrder>, CommandError> {
    let (task, id) = (task.clone(), id.to_owned());
    let done = server.command(move |tx, context| commands::questions::answer(tx, context, &task, &id, answer.clone(), None)).await?;
    Ok(done.1)
}

fn text(text: &str) -> Answer {
    Answer::Text(text.to_owned())
}

async fn answer_ordered(server: &Harness) -> (String, Answer) {
    server
        .ordered(|order| match order {
            RunnerOrder::Answer { request_id, answer, .. } => Some((request_id.clone(), answer.clone())),
            _ => None,
        })
        .await
}

/// The promises hold: nothing is stuck, no question is open without a reason.
async fn all_is_well(server: &Harness) {
    let now = server.clock.now();
    let findings = server.engine.submit(move |tx| Ok::<_, CommandError>(commands::check::check(tx.db, tx.state, now)?)).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

async fn stopped(server: &Harness, run: &RunRef) {
    let wanted = run.clone();
    server.ordered(move |order| matches!(order, RunnerOrder::Stop { run, .. } if *run == wanted).then_some(())).await;
    let outcome = RunOutcome::Stopped { reason: StopReason::Operator };
    server.report(run, RunReport::Finished { outcome, exit_code: None }).await;
}

/// F-072, D-14: nobody answers in time: the task waits for the person, its agent is free, and a late answer goes on in the same session with the
/// answer in the prompt. The server may end after any step.
#[tokio::test]
async fn an_unanswered_question_frees_the_agent() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    let SessionOrder::Fresh { session_id } = order.session.clone() else { panic!("{:?}", order.session) };
    ask(&server, &order.run, 1, "q1", QuestionKind::Question).await;
    server.until(&task, TaskStatus::WaitingInput).await;

    let server = server.restart().await;
    server.clock.advance(DAY - 1);
    assert!(server.nothing_started().await);
    assert_eq!(server.get(&task).await.status, TaskStatus::WaitingInput);
    server.clock.advance(1);
    server.wake.ring();
    let paused = server.until(&task, TaskStatus::Paused).await;
    assert_eq!((paused.resume_after, paused.retry_count), (Some(UNTIL_ANSWERED), 0));
    all_is_well(&server).await;

    // The server ends before the run was stopped; the next one stops it. What the dying run says closes nothing.
    let server = server.restart().await;
    say(&server, &order.run, 2, OutputBody::QuestionClosed { request_id: "q1".into(), answer: "the run is over".into() }).await;
    stopped(&server, &order.run).await;
    let runs = server.runs(&task).await;
    assert_eq!(runs[0].run.end.as_ref().unwrap().result, RunResult::Asked);
    all_is_well(&server).await;
    // The agent works for others meanwhile, and a year does not wake the task.
    let other = server.task(&paused.project, "other", &[]).await;
    let other_run = server.start_order().await.run;
    server.succeed(&other_run).await;
    server.until(&other, TaskStatus::Completed).await;
    server.clock.advance(366 * DAY);
    assert!(server.nothing_started().await);

    let server = server.restart().await;
    assert_eq!(answer(&server, &task, "", text("use blue")).await.unwrap(), None);
    let server = server.restart().await;
    let again = server.start_order().await;
    assert_eq!(again.session, SessionOrder::Resume { session_id });
    assert!(again.prompt.contains("You asked: text of q1\n  The answer: use blue"), "{}", again.prompt);
    all_is_well(&server).await;
    let refused = answer(&server, &task, "q1", text("red")).await.unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "NO_OPEN_QUESTION", .. }), "{refused}");

    // Told once: a later run in the same session does not hear it again.
    server.running(&again.run).await;
    let limited = RunOutcome::Limited { window: "w".into(), resets_at: None, message: String::new() };
    server.report(&again.run, RunReport::Finished { outcome: limited, exit_code: None }).await;
    server.clock.advance(60_000);
    server.wake.ring();
    let third = server.start_order().await;
    assert!(!third.prompt.contains("use blue"));
}

/// F-072: the answer that comes while the run is being stopped is not lost either.
#[tokio::test]
async fn an_answer_may_overtake_the_end_of_its_run() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    ask(&server, &order.run, 1, "q1", QuestionKind::PlanApproval).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    server.clock.advance(DAY);
    server.wake.ring();
    server.until(&task, TaskStatus::Paused).await;
    assert_eq!(answer(&server, &task, "q1", Answer::Allow).await.unwrap(), None);
    assert!(server.nothing_started().await, "one task never has two open runs");
    stopped(&server, &order.run).await;
    let again = server.start_order().await;
    assert!(matches!(again.session, SessionOrder::Resume { .. }));
    assert!(again.prompt.contains("The answer: yes, go on"));
    all_is_well(&server).await;
}

/// F-072: a permission that nobody decides about is denied, and the agent goes on; a project may have its own time.
#[tokio::test]
async fn an_undecided_permission_is_denied() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    let project = server.get(&task).await.project;
    let fields = commands::projects::ProjectFields { question_timeout_ms: Some(Some(5_000)), ..Default::default() };
    server.command(move |tx, context| commands::projects::edit(tx, context, &project, &fields)).await.unwrap();
    ask(&server, &order.run, 1, "p1", QuestionKind::Permission).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    server.clock.advance(5_000);
    server.wake.ring();
    let (request_id, given) = answer_ordered(&server).await;
    assert!(request_id == "p1" && matches!(given, Answer::Deny { .. }), "{given:?}");
    // Killed before the agent had it: the next server says it again.
    let server = server.restart().await;
    assert_eq!(answer_ordered(&server).await.0, "p1");
    say(&server, &order.run, 2, OutputBody::QuestionClosed { request_id: "p1".into(), answer: "denied".into() }).await;
    server.until(&task, TaskStatus::InProgress).await;
    let server = server.restart().await;
    all_is_well(&server).await;
    assert!(server.nothing_started().await);
}

/// F-072: an answer is kept before it is given; a server that dies in between gives it after its start.
#[tokio::test]
async fn an_answer_survives_the_server() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    ask(&server, &order.run, 1, "q1", QuestionKind::Question).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    // The order that follows from the answer is dropped, as by a crash right after the commit.
    assert!(answer(&server, &task, "", text("blue")).await.unwrap().is_some());
    let server = server.restart().await;
    assert_eq!(answer_ordered(&server).await, ("q1".to_owned(), text("blue")));
    server.clock.advance(2 * DAY);
    assert!(server.nothing_started().await);
    assert_eq!(server.get(&task).await.status, TaskStatus::WaitingInput, "an answered question has no deadline");
    let again = answer(&server, &task, "", text("red")).await.unwrap_err();
    assert!(matches!(again, CommandError::Precondition { reason: "NO_OPEN_QUESTION", .. }), "{again}");
    say(&server, &order.run, 2, OutputBody::QuestionClosed { request_id: "q1".into(), answer: "blue".into() }).await;
    server.until(&task, TaskStatus::InProgress).await;
    all_is_well(&server).await;
}

/// F-072: what a person allowed once and for all is not asked again: in this task, or in the project.
#[tokio::test]
async fn a_permission_may_be_given_for_good() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    ask(&server, &order.run, 1, "p1", QuestionKind::Permission).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    let id = task.clone();
    server
        .command(move |tx, context| commands::questions::answer(tx, context, &id, "", Answer::Allow, Some(Remember::Task)))
        .await
        .unwrap();
    say(&server, &order.run, 2, OutputBody::QuestionClosed { request_id: "p1".into(), answer: "allowed".into() }).await;
    server.until(&task, TaskStatus::InProgress).await;
    ask(&server, &order.run, 3, "p2", QuestionKind::Permission).await;
    assert_eq!(answer_ordered(&server).await, ("p2".to_owned(), Answer::Allow));
    assert_eq!(server.get(&task).await.status, TaskStatus::InProgress);
    // Said again by the runner after a crash, it is answered again by the start and not twice by the item.
    let server = server.restart().await;
    assert_eq!(answer_ordered(&server).await, ("p2".to_owned(), Answer::Allow));
    say(&server, &order.run, 4, OutputBody::QuestionClosed { request_id: "p2".into(), answer: "allowed".into() }).await;
    // Only permissions can be given for good.
    ask(&server, &order.run, 5, "q", QuestionKind::Question).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    let id = task.clone();
    let refused = server
        .command(move |tx, context| commands::questions::answer(tx, context, &id, "", text("x"), Some(Remember::Project)))
        .await
        .unwrap_err();
    assert!(refused.to_string().starts_with("allow.remember"), "{refused}");
    // Another task of the project asks, because the allowance was the first task's alone.
    answer(&server, &task, "", text("x")).await.unwrap();
    server.report(&order.run, RunReport::Finished { outcome: RunOutcome::Succeeded { summary: String::new() }, exit_code: Some(0) }).await;
    let project = server.get(&task).await.project;
    let other = server.task(&project, "other", &[]).await;
    server.report(&order.run, RunReport::Concluded { conclusion: aq_core::runner_link::Conclusion::NothingToDo }).await;
    let second = server.start_order().await;
    server.running(&second.run).await;
    ask(&server, &second.run, 1, "p3", QuestionKind::Permission).await;
    server.until(&other, TaskStatus::WaitingInput).await;
    all_is_well(&server).await;
}

/// Codex R5: a permission that offers more than yes and no is answered by the name of an option, and by no other text.
#[tokio::test]
async fn a_permission_may_offer_more_than_yes_and_no() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    let options = vec![QuestionOption { label: "Allow for the whole session".into(), description: String::new() }];
    let asked = Question { options, ..question("p1", QuestionKind::Permission) };
    say(&server, &order.run, 1, OutputBody::Question(asked)).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    let refused = answer(&server, &task, "", text("for ever")).await.unwrap_err();
    assert!(refused.to_string().contains("allow or deny"), "{refused}");
    let given = text("allow for the whole session");
    let order = RunnerOrder::Answer { run: order.run.clone(), request_id: "p1".into(), answer: given.clone() };
    assert_eq!(answer(&server, &task, "", given).await.unwrap(), Some(order), "whoever answers gives the order");
    // It was not given: the next server makes it again.
    let server = server.restart().await;
    assert_eq!(answer_ordered(&server).await, ("p1".to_owned(), text("allow for the whole session")));
}

/// F-072: several questions of one request: the answer that was kept back for one that never came is told by the next run.
#[tokio::test]
async fn answers_that_were_kept_back_are_told() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    ask(&server, &order.run, 1, "r.1", QuestionKind::Question).await;
    ask(&server, &order.run, 2, "r.2", QuestionKind::Question).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    let ambiguous = answer(&server, &task, "", text("x")).await.unwrap_err();
    assert!(ambiguous.to_string().contains("r.1, r.2"), "{ambiguous}");
    answer(&server, &task, "r.1", text("one")).await.unwrap();
    say(&server, &order.run, 3, OutputBody::QuestionClosed { request_id: "r.1".into(), answer: "one".into() }).await;
    server.clock.advance(DAY);
    server.wake.ring();
    server.until(&task, TaskStatus::Paused).await;
    stopped(&server, &order.run).await;
    answer(&server, &task, "", text("two")).await.unwrap();
    let prompt = server.start_order().await.prompt;
    assert!(prompt.contains("The answer: one") && prompt.contains("The answer: two"), "{prompt}");
}

/// F-072: whoever restarts a task that waits for an answer lets it go on without; the question is closed.
#[tokio::test]
async fn a_restart_goes_on_without_the_answer() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    ask(&server, &order.run, 1, "q1", QuestionKind::Question).await;
    server.until(&task, TaskStatus::WaitingInput).await;
    server.clock.advance(DAY);
    server.wake.ring();
    server.until(&task, TaskStatus::Paused).await;
    stopped(&server, &order.run).await;
    let id = task.clone();
    server.command(move |tx, context| commands::control::restart(tx, context, &id, "")).await.unwrap();
    server.start_order().await;
    let open = server.reader.read(questions::open).await.unwrap();
    assert_eq!(open, []);
    all_is_well(&server).await;
}

/// Orchestrator R20: a message is kept until an agent has read it, and is told by the next run when its own ended first; the receipt is an event.
#[tokio::test]
async fn messages_are_kept_until_they_are_read() {
    let server = Harness::start().await;
    let (task, order) = at_work(&server).await;
    for (id, words) in [("m1", "use the old table"), ("m2", "stop at noon")] {
        let (task, id) = (task.clone(), id.to_owned());
        let (_, number, _) =
            server.command(move |tx, context| commands::questions::message(tx, context, &task, id.clone(), words)).await.unwrap();
        assert_eq!(number, 1);
    }
    // Neither order reached the runner; after the start both are given again, in their order.
    let server = server.restart().await;
    let message = |order: &RunnerOrder| match order {
        RunnerOrder::Message { message_id, .. } => Some(message_id.clone()),
        _ => None,
    };
    assert_eq!([server.ordered(message).await, server.ordered(message).await], ["m1", "m2"]);
    for seq in 1..=2 {
        say(&server, &order.run, seq, OutputBody::Delivered { message_id: "m1".into() }).await;
    }
    let told = server.reader.read(|db| events::after(db, 0, 500)).await.unwrap();
    let delivered = told.iter().filter(|event| event.kind == aq_core::event::EventKind::TaskMessageDelivered);
    assert_eq!(delivered.map(|event| event.payload["message_id"].clone()).collect::<Vec<_>>(), ["m1"]);
    // The run ends before the second was read.
    let limited = RunOutcome::Limited { window: "w".into(), resets_at: None, message: String::new() };
    server.report(&order.run, RunReport::Finished { outcome: limited, exit_code: None }).await;
    server.clock.advance(60_000);
    server.wake.ring();
    let next = server.start_order().await;
    assert!(next.prompt.contains("stop at noon") && !next.prompt.contains("the old table"), "{}", next.prompt);
    server.running(&next.run).await;
    let key = server.record(&task).await.key;
    let kept = server.reader.read(move |db| messages::of_task(db, key)).await.unwrap();
    assert_eq!(
        kept.iter().map(|message| (message.delivered_at.is_some(), message.told_run)).collect::<Vec<_>>(),
        [(true, None), (false, Some(2))]
    );
}

/// Orchestrator R20: an agent that reads nothing is not buried.
#[tokio::test]
async fn too_many_messages_are_refused() {
    let server = Harness::start().await;
    let (task, _) = at_work(&server).await;
    let id = task.clone();
    let refused = server
        .command(move |tx, context| {
            for number in 0..=commands::questions::MAX_WAITING_MESSAGES {
                commands::questions::message(tx, context, &id, format!("m{number}"), "hello")?;
            }
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, CommandError::Precondition { reason: "TOO_MANY_MESSAGES", .. }), "{refused}");
    let key = server.record(&task).await.key;
    assert_eq!(server.reader.read(move |db| messages::of_task(db, key)).await.unwrap(), []);
}

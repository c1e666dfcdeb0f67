//! Why a task waits, for each kind of wait that a person meets.

use aq_core::ids::TaskId;
use aq_core::output::{FailureClass, OutputBody, OutputItem, Question, QuestionKind};
use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, RunnerOrder};
use aq_core::task::TaskStatus;
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use pb::WaitKind;

use super::fixture::{Client, Server};

async fn why(client: &Client, id: &str) -> (WaitKind, String) {
    let answer = client.tasks().explain_task(pb::ExplainTaskRequest { task_id: id.into() }).await.unwrap().into_inner();
    assert!(answer.sentence.ends_with('.'), "{}", answer.sentence);
    let shown = client.get_task(id).await.waiting_for;
    if answer.reasons[0].kind() != WaitKind::Finished {
        assert_eq!(shown, answer.sentence);
    }
    (answer.reasons[0].kind(), answer.sentence)
}

async fn stopped(client: &Client, id: &str) {
    client.tasks().stop_task(pb::StopTaskRequest { task_id: id.into(), ..Default::default() }).await.unwrap();
}

/// Explain R1, api R13: a READY task, from the outside in.
#[tokio::test]
async fn ready_tasks_name_what_is_missing() {
    let server = Server::start().await;
    let admin = server.admin();
    let empty = pb::CreateProjectRequest { name: "web".into(), ..Default::default() };
    admin.projects().create_project(empty).await.unwrap();
    let task = admin.task("web", "one").await.id;
    assert_eq!(why(&admin, &task).await, (WaitKind::NoAgent, "There is no agent: create one.".into()));
    admin.agent("nova").await;
    assert_eq!(why(&admin, &task).await.0, WaitKind::NoWorkspace);
    let pause = pb::PauseProjectRequest { project_id: "web".into(), ..Default::default() };
    admin.projects().pause_project(pause).await.unwrap();
    assert_eq!(why(&admin, &task).await, (WaitKind::ProjectPaused, "The project is paused: resume it.".into()));
    admin.admin().pause_scheduling(pb::PauseSchedulingRequest::default()).await.unwrap();
    assert_eq!(why(&admin, &task).await.0, WaitKind::SchedulingPaused);
    let status = admin.admin().resume_scheduling(pb::ResumeSchedulingRequest::default()).await.unwrap().into_inner();
    assert!(!status.scheduling_paused && status.holds.is_empty());
    let space = pb::AddWorkspaceRequest {
        project_id: "web".into(),
        kind: pb::WorkspaceKind::Link.into(),
        source: "/home/u/web".into(),
        ..Default::default()
    };
    admin.workspaces().add_workspace(space).await.unwrap();
    let resume = pb::ResumeProjectRequest { project_id: "web".into(), ..Default::default() };
    admin.projects().resume_project(resume).await.unwrap();
    let run = server.inner.start_order().await.run;
    assert_eq!(why(&admin, &task).await, (WaitKind::Running, "Is being started by agent nova.".into()));
    server.inner.running(&run).await;
    assert_eq!(why(&admin, &task).await, (WaitKind::Running, "Is worked on by agent nova.".into()));
    let second = admin.task("web", "two").await.id;
    let busy = why(&admin, &second).await.0;
    assert!(matches!(busy, WaitKind::AgentsBusy | WaitKind::WorkspacesBusy), "{busy:?}");
}

/// Explain R2: waits for others, for people and for instants.
#[tokio::test]
async fn other_waits_name_who_ends_them() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("nova").await;
    let request = pb::CreateTaskRequest { project_id: "web".into(), title: "one".into(), requires_approval: true, ..Default::default() };
    let first = admin.tasks().create_task(request).await.unwrap().into_inner().id;
    let waiting = pb::CreateTaskRequest { project_id: "web".into(), title: "two".into(), after: vec![first.clone()], ..Default::default() };
    let second = admin.tasks().create_task(waiting).await.unwrap().into_inner().id;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    let (kind, sentence) = why(&admin, &second).await;
    assert_eq!((kind, sentence), (WaitKind::Dependency, format!("Waits for {first} (IN_PROGRESS).")));

    let question = Question {
        request_id: "q1".into(),
        kind: QuestionKind::Question,
        text: "Which colour?".into(),
        tool: String::new(),
        detail: String::new(),
        options: Vec::new(),
    };
    let item = OutputItem { seq: 1, at: Timestamp::from_millis(1_000_000), body: OutputBody::Question(question) };
    server.inner.report(&run, RunReport::Output { items: vec![item] }).await;
    assert_eq!(why(&admin, &first).await.0, WaitKind::Question);
    let asked = admin.tasks().list_questions(pb::ListQuestionsRequest::default()).await.unwrap().into_inner();
    assert_eq!((asked.total_size, asked.questions[0].title.as_str(), asked.questions[0].agent_id.as_str()), (1, "one", "nova"));
    let answer = pb::AnswerQuestionRequest {
        task_id: first.clone(),
        answer: Some(pb::answer_question_request::Answer::Text("blue".into())),
        ..Default::default()
    };
    admin.tasks().answer_question(answer).await.unwrap();
    server.inner.ordered(|order| matches!(order, RunnerOrder::Answer { request_id, .. } if request_id == "q1").then_some(())).await;
    let closed = OutputBody::QuestionClosed { request_id: "q1".into(), answer: "blue".into() };
    let item = OutputItem { seq: 2, at: Timestamp::from_millis(1_000_001), body: closed };
    server.inner.report(&run, RunReport::Output { items: vec![item] }).await;

    let told = pb::SendMessageRequest { task_id: first.clone(), text: "hurry".into(), request_id: "m".into() };
    let sent = admin.tasks().send_message(told.clone()).await.unwrap().into_inner();
    assert_eq!(admin.tasks().send_message(told).await.unwrap().into_inner(), sent);
    server.inner.ordered(|order| matches!(order, RunnerOrder::Message { text, .. } if text == "hurry").then_some(())).await;

    let done = RunOutcome::Succeeded { summary: "painted".into() };
    server.inner.report(&run, RunReport::Finished { outcome: done, exit_code: Some(0) }).await;
    assert_eq!(why(&admin, &first).await.0, WaitKind::Verifying);
    let kept = Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a".into()], lines_changed: 0, pushed: false };
    server.inner.report(&run, RunReport::Concluded { conclusion: kept.clone() }).await;
    assert_eq!(why(&admin, &first).await.0, WaitKind::Approval);
    server.inner.ordered(|order| matches!(order, RunnerOrder::Conclude(_)).then_some(())).await;
    admin.tasks().approve_task(pb::ApproveTaskRequest { task_id: first.clone(), ..Default::default() }).await.unwrap();
    server.inner.ordered(|order| matches!(order, RunnerOrder::Conclude(order) if order.run == run).then_some(())).await;
    server.inner.report(&run, RunReport::Concluded { conclusion: kept }).await;
    server.inner.until(&TaskId::parse(&first).unwrap(), TaskStatus::Completed).await;
    assert_eq!(why(&admin, &first).await.0, WaitKind::Finished);
    assert_eq!(admin.get_task(&first).await.result_summary, "painted");

    let next = server.inner.start_order().await.run;
    server.inner.running(&next).await;
    let failed = RunOutcome::Failed { class: FailureClass::Agent, message: "no".into() };
    server.inner.report(&next, RunReport::Finished { outcome: failed, exit_code: Some(1) }).await;
    assert_eq!(why(&admin, &second).await.0, WaitKind::RetryTimer);
    stopped(&admin, &second).await;
    let (kind, sentence) = why(&admin, &second).await;
    assert_eq!(kind, WaitKind::Blocked);
    assert!(sentence.contains("operator_stop"), "{sentence}");
}

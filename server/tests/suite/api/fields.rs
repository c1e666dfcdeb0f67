//! Fields of tasks and projects that say who does the work, who checks it, and what becomes of its plan.

use aq_core::runner_link::{Conclusion, RunOutcome, RunReport, RunnerOrder};
use aq_proto::v1 as pb;
use tonic::Code;

use super::fixture::{Server, mask, refusal};

/// F-084, core/task R11, R12: verification, fallback, filler and the rule for plans are set at creation and changed later, and are inherited from the project where
/// nothing is said; what makes no sense names its field.
#[tokio::test]
async fn fields_are_set_changed_and_inherited() {
    let server = Server::start().await;
    let admin = server.admin();
    let project = pb::CreateProjectRequest {
        name: "web".into(),
        verification: pb::Verification::QaAgent.into(),
        reviewer_runtime: pb::Runtime::Codex.into(),
        default_runtime: pb::Runtime::Claude.into(),
        ..Default::default()
    };
    let project = admin.projects().create_project(project).await.unwrap().into_inner();
    assert_eq!((project.verification(), project.reviewer_runtime()), (pb::Verification::QaAgent, pb::Runtime::Codex));
    let new = pb::CreateTaskRequest {
        project_id: "web".into(),
        title: "one".into(),
        fallback: vec![pb::Runtime::Gemini.into(), pb::Runtime::Codex.into()],
        filler: true,
        plan_approval: pb::PlanApproval::Approve.into(),
        ..Default::default()
    };
    let made = admin.tasks().create_task(new.clone()).await.unwrap().into_inner();
    assert_eq!((made.verification(), made.runtime(), made.filler), (pb::Verification::QaAgent, pb::Runtime::Claude, true));
    assert_eq!(made.fallback().collect::<Vec<_>>(), [pb::Runtime::Codex, pb::Runtime::Gemini]);
    assert_eq!(
        (made.plan_approval(), admin.get_task(&made.id).await.plan_approval()),
        (pb::PlanApproval::Approve, pb::PlanApproval::Approve)
    );
    let change = pb::Task {
        id: made.id.clone(),
        verification: pb::Verification::None.into(),
        plan_approval: pb::PlanApproval::Unspecified.into(),
        ..Default::default()
    };
    let update_mask = mask(&["verification", "plan_approval", "fallback", "filler"]);
    let changed = pb::UpdateTaskRequest { task: Some(change.clone()), update_mask, ..Default::default() };
    let changed = admin.tasks().update_task(changed).await.unwrap().into_inner();
    assert_eq!(
        (changed.verification(), changed.plan_approval(), changed.filler),
        (pb::Verification::None, pb::PlanApproval::Unspecified, false)
    );
    assert!(changed.fallback.is_empty());
    let back = pb::Task { verification: 0, ..change };
    let back = pb::UpdateTaskRequest { task: Some(back), update_mask: mask(&["verification"]), ..Default::default() };
    assert_eq!(admin.tasks().update_task(back).await.unwrap().into_inner().verification(), pb::Verification::QaAgent);

    let own = pb::CreateTaskRequest { fallback: vec![pb::Runtime::Claude.into()], ..new.clone() };
    assert_eq!(refusal(&admin.tasks().create_task(own).await.unwrap_err()).2, "fallback");
    let unknown = pb::CreateTaskRequest { fallback: vec![0], ..new.clone() };
    assert_eq!(refusal(&admin.tasks().create_task(unknown).await.unwrap_err()).2, "fallback[0]");
    let nobody = pb::Project { id: "web".into(), reviewer_agent_id: "nobody".into(), ..Default::default() };
    let nobody = pb::UpdateProjectRequest { project: Some(nobody), update_mask: mask(&["reviewer_agent_id"]), ..Default::default() };
    let refused = refusal(&admin.projects().update_project(nobody).await.unwrap_err());
    assert_eq!((refused.0, refused.2.as_str()), (Code::InvalidArgument, "reviewer_agent_id"));
}

/// explain R5, F-084: a task says that it is under review from the end of the work to the verdict, and its runs say which of them reviewed.
#[tokio::test]
async fn a_review_is_shown() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("nova").await;
    let new = pb::CreateTaskRequest {
        project_id: "web".into(),
        title: "one".into(),
        verification: pb::Verification::QaAgent.into(),
        ..Default::default()
    };
    let id = admin.tasks().create_task(new).await.unwrap().into_inner().id;
    let explain = || async {
        let request = pb::ExplainTaskRequest { task_id: id.clone() };
        let told = admin.tasks().explain_task(request).await.unwrap().into_inner();
        (told.reasons[0].kind(), told.sentence)
    };
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    admin.agents().pause_agent(pb::PauseAgentRequest { agent_id: "nova".into(), ..Default::default() }).await.unwrap();
    let outcome = RunOutcome::Succeeded { summary: "done".into() };
    server.inner.report(&run, RunReport::Finished { outcome, exit_code: Some(0) }).await;
    server.inner.ordered(|order| matches!(order, RunnerOrder::Conclude(_)).then_some(())).await;
    let kept = Conclusion::Done { commit: "1".repeat(40), files_changed: vec!["a".into()], lines_changed: 0, pushed: false };
    server.inner.report(&run, RunReport::Concluded { conclusion: kept }).await;
    let (_, sentence) = explain().await;
    assert_eq!(sentence, "Its work is under review. Waits for an idle agent.");
    assert!(admin.get_task(&id).await.under_review);
    admin.agents().resume_agent(pb::ResumeAgentRequest { agent_id: "nova".into(), ..Default::default() }).await.unwrap();
    let review = server.inner.start_order().await.run;
    server.inner.running(&review).await;
    assert_eq!(explain().await, (pb::WaitKind::Review, "Is under review by agent nova.".to_owned()));
    let shown = admin.tasks().get_task(pb::GetTaskRequest { task_id: id.clone() }).await.unwrap().into_inner();
    let mut runs: Vec<_> = shown.runs.iter().map(|run| (run.number, run.is_review, run.outcome())).collect();
    runs.sort_unstable_by_key(|(number, ..)| *number);
    assert_eq!(runs, [(1, false, pb::RunOutcome::InReview), (2, true, pb::RunOutcome::Unspecified)]);
}

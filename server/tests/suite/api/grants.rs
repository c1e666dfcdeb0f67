//! What was allowed once and for all: listed, taken back, and gone with what it was allowed for.

use aq_core::ids::{RunRef, TaskId};
use aq_core::output::{OutputBody, OutputItem, Question, QuestionKind};
use aq_core::principal::Role;
use aq_core::runner_link::{Answer, RunReport, RunnerOrder};
use aq_core::time::Timestamp;
use aq_proto::v1 as pb;
use aq_server::store::{GrantScope, grants};
use tonic::Code;

use super::fixture::{Client, Server, refusal};

async fn ask(server: &Server, run: &RunRef, seq: u64) {
    let question = Question {
        request_id: format!("p{seq}"),
        kind: QuestionKind::Permission,
        text: String::new(),
        tool: "Bash".into(),
        detail: String::new(),
        options: Vec::new(),
    };
    let at = Timestamp::from_millis(1_000_000);
    server.inner.report(run, RunReport::Output { items: vec![OutputItem { seq, at, body: OutputBody::Question(question) }] }).await;
}

async fn allow(admin: &Client, task: &str, scope: pb::PermissionScope) {
    let allow = pb::answer_question_request::Allow { remember: scope.into() };
    let answer = Some(pb::answer_question_request::Answer::Allow(allow));
    admin.tasks().answer_question(pb::AnswerQuestionRequest { task_id: task.into(), answer, ..Default::default() }).await.unwrap();
}

async fn listed(client: &Client, task: &str) -> Vec<(String, String, String)> {
    let request = pb::ListPermissionGrantsRequest { task_id: task.into(), ..Default::default() };
    let page = client.tasks().list_permission_grants(request).await.unwrap().into_inner();
    assert_eq!(page.total_size as usize, page.grants.len());
    page.grants.into_iter().map(|grant| (grant.project_id, grant.task_id, grant.tool)).collect()
}

async fn answered(server: &Server, id: &str) {
    let wanted = id.to_owned();
    let given = server.inner.ordered(move |order| match order {
        RunnerOrder::Answer { request_id, answer, .. } if *request_id == wanted => Some(answer.clone()),
        _ => None,
    });
    assert_eq!(given.await, Answer::Allow);
}

/// F-072, commands R15: grants of a task and of its project are listed to whom they concern, and taken back one by one; then the next use is asked again. They
/// go with their task and with their project.
#[tokio::test]
async fn grants_are_listed_and_taken_back() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("nova").await;
    let task = admin.task("web", "one").await.id;
    let run = server.inner.start_order().await.run;
    server.inner.running(&run).await;
    for (seq, scope) in [(1, pb::PermissionScope::Task), (3, pb::PermissionScope::Project)] {
        ask(&server, &run, seq).await;
        allow(&admin, &task, scope).await;
        answered(&server, &format!("p{seq}")).await;
        let body = OutputBody::QuestionClosed { request_id: format!("p{seq}"), answer: "allowed".into() };
        let items = vec![OutputItem { seq: seq + 1, at: Timestamp::from_millis(1_000_000), body }];
        server.inner.report(&run, RunReport::Output { items }).await;
        if seq == 1 {
            // The task's own grant would answer the second question by itself.
            let revoke = pb::RevokePermissionGrantRequest { task_id: task.clone(), tool: "Bash".into(), ..Default::default() };
            assert_eq!(listed(&admin, "").await, [("web".to_owned(), task.clone(), "Bash".to_owned())]);
            let gone = admin.tasks().revoke_permission_grant(revoke.clone()).await.unwrap().into_inner();
            assert_eq!((gone.task_id.as_str(), gone.granted_by.is_empty()), (task.as_str(), false));
            assert_eq!(admin.tasks().revoke_permission_grant(revoke).await.unwrap_err().code(), Code::NotFound);
            assert!(listed(&admin, "").await.is_empty());
        }
    }
    let whole = ("web".to_owned(), String::new(), "Bash".to_owned());
    assert_eq!((listed(&admin, "").await, listed(&admin, &task).await), (vec![whole.clone()], vec![whole.clone()]));
    // Nobody of another project hears of it, and a viewer takes nothing back.
    admin.project("other").await;
    let stranger = server.role(Role::Operator, &["other"]);
    assert!(listed(&stranger, "").await.is_empty());
    let revoke = pb::RevokePermissionGrantRequest { project_id: "web".into(), tool: "Bash".into(), ..Default::default() };
    assert_eq!(stranger.tasks().revoke_permission_grant(revoke.clone()).await.unwrap_err().code(), Code::NotFound);
    let viewer = server.role(Role::Viewer, &[]);
    assert_eq!(viewer.tasks().revoke_permission_grant(revoke.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    for wrong in [
        pb::RevokePermissionGrantRequest { task_id: task.clone(), ..revoke.clone() },
        pb::RevokePermissionGrantRequest { project_id: String::new(), ..revoke.clone() },
    ] {
        assert_eq!(refusal(&admin.tasks().revoke_permission_grant(wrong).await.unwrap_err()).2, "task_id");
    }
    ask(&server, &run, 5).await;
    answered(&server, "p5").await;
    admin.tasks().revoke_permission_grant(revoke).await.unwrap();
    assert!(listed(&admin, "").await.is_empty());
}

/// F-072: the list of a task has its own grants and those of its whole project, but not another task's, nor another project's.
#[tokio::test]
async fn a_tasks_list_has_what_concerns_it() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut tasks = Vec::new();
    for (project, title) in [("web", "one"), ("web", "two"), ("app", "three")] {
        if title != "two" {
            admin.project(project).await;
        }
        tasks.push(admin.task(project, title).await.id);
    }
    for (number, id) in tasks.iter().enumerate() {
        let record = server.inner.record(&TaskId::parse(id).unwrap()).await;
        let scopes = [GrantScope::Task(record.key), GrantScope::Project(record.task.project)];
        let allowed = server.inner.engine.submit(move |tx| {
            let at = Timestamp::from_millis(1_000_000);
            grants::allow(tx.db, &scopes[0], &format!("tool {number}"), "me", at)?;
            grants::allow(tx.db, &scopes[1], "Bash", "me", at)
        });
        allowed.await.unwrap();
    }
    let grant = |project: &str, task: &str, tool: &str| (project.to_owned(), task.to_owned(), tool.to_owned());
    let of = |project: &str, number: usize| vec![grant(project, "", "Bash"), grant(project, &tasks[number], &format!("tool {number}"))];
    assert_eq!(listed(&admin, "").await.len(), 5);
    for (project, number) in [("web", 0), ("web", 1), ("app", 2)] {
        assert_eq!(listed(&admin, &tasks[number]).await, of(project, number));
    }
}

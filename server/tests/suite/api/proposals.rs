//! What agents may propose, and what becomes of it, by the wish of their project.

use aq_core::ids::{RunRef, TaskId};
use aq_core::principal::Role;
use aq_proto::v1 as pb;
use pb::{BlockReason, ProposalPolicy, TaskStatus};

use super::fixture::{Client, Server, principal, refusal};

async fn wish(admin: &Client, project: &str, policy: ProposalPolicy) {
    let request = pb::UpdateProjectRequest {
        project: Some(pb::Project { id: project.into(), proposals: policy.into(), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["proposals".into()] }),
        ..Default::default()
    };
    admin.projects().update_project(request).await.unwrap();
}

fn agent_of(server: &Server, task: &str) -> Client {
    let mut agent = principal(Role::Run, &["a"]);
    agent.run = Some(RunRef { task: TaskId::parse(task).unwrap(), number: 1 });
    server.client(agent)
}

/// Architecture §9: a project takes proposals, lets them wait for a person, or takes none; the agent's own task is their parent, other projects are closed to
/// them, and one task brings fifty at most.
#[tokio::test]
async fn a_project_says_what_becomes_of_proposals() {
    let server = Server::start().await;
    let admin = server.admin();
    for name in ["a", "b"] {
        admin.project(name).await;
    }
    let own = admin.task("a", "own").await.id;
    let agent = agent_of(&server, &own);
    let propose = |title: &str| pb::ProposeTaskRequest { title: title.into(), priority: Some(1), ..Default::default() };

    wish(&admin, "a", ProposalPolicy::Off).await;
    let off = agent.tasks().propose_task(propose("one")).await.unwrap_err();
    assert_eq!(refusal(&off).1, "PROPOSALS_OFF", "{off}");

    wish(&admin, "a", ProposalPolicy::Approval).await;
    let waiting = agent.tasks().propose_task(propose("two")).await.unwrap().into_inner();
    let task = admin.get_task(&waiting.task_id).await;
    assert!(waiting.waits_for_approval);
    assert_eq!(
        (task.status(), task.block_reason(), task.parent_task_id.as_str()),
        (TaskStatus::Blocked, BlockReason::Proposed, own.as_str())
    );
    let accept = pb::ApproveTaskRequest { task_id: waiting.task_id.clone(), ..Default::default() };
    admin.tasks().approve_task(accept).await.unwrap();
    assert_eq!(admin.get_task(&waiting.task_id).await.status(), TaskStatus::Ready);

    wish(&admin, "a", ProposalPolicy::Open).await;
    let open = agent.tasks().propose_task(propose("three")).await.unwrap().into_inner();
    let task = admin.get_task(&open.task_id).await;
    assert!(!open.waits_for_approval);
    // It never comes before the work that people asked for.
    assert_eq!((task.status(), task.priority), (TaskStatus::Ready, 100));
    let elsewhere = pb::ProposeTaskRequest { project_id: "b".into(), ..propose("four") };
    assert_eq!(refusal(&agent.tasks().propose_task(elsewhere).await.unwrap_err()).2, "project_id");
    for number in 2..50 {
        agent.tasks().propose_task(propose(&format!("more {number}"))).await.unwrap();
    }
    let many = agent.tasks().propose_task(propose("too many")).await.unwrap_err();
    assert_eq!(refusal(&many).1, "TOO_MANY_PROPOSALS");
}

//! Pages, filters, trees, status, usage.

use aq_core::output::{OutputBody, OutputItem, TokenUsage};
use aq_core::runner_link::RunReport;
use aq_proto::v1 as pb;

use super::fixture::{Server, refusal};

/// Api R6, D-85: every task comes once, page by page, in order, and the counts say what is hidden.
#[tokio::test]
async fn pages_of_tasks_miss_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    for number in 0..7 {
        let request = pb::CreateTaskRequest {
            project_id: "web".into(),
            title: format!("t{number}"),
            priority: Some(number % 3),
            ..Default::default()
        };
        admin.tasks().create_task(request).await.unwrap();
    }
    let done = admin.task("web", "done").await;
    let set = pb::SetTaskStatusRequest {
        task_id: done.id.clone(),
        status: pb::TaskStatus::Completed.into(),
        reason: "by hand".into(),
        ..Default::default()
    };
    admin.tasks().set_task_status(set).await.unwrap();
    for order in [pb::TaskOrder::Unspecified, pb::TaskOrder::NewestFirst, pb::TaskOrder::OldestFirst, pb::TaskOrder::RecentlyChanged] {
        let mut request = pb::ListTasksRequest { page_size: 3, order: order.into(), ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let page = admin.tasks().list_tasks(request.clone()).await.unwrap().into_inner();
            assert_eq!((page.total_size, page.hidden_count), (7, 1));
            seen.extend(page.tasks.iter().map(|task| task.id.clone()));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let unique: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), unique.len()), (7, 7), "{order:?}");
    }
    let finished = pb::ListTasksRequest { finished_only: true, ..Default::default() };
    let finished = admin.tasks().list_tasks(finished).await.unwrap().into_inner().tasks;
    assert_eq!(finished.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), [done.id.as_str()]);
    let odd = pb::ListTasksRequest { page_token: "AAAA".into(), ..Default::default() };
    assert_eq!(refusal(&admin.tasks().list_tasks(odd).await.unwrap_err()).2, "page_token");
}

/// Api R6: long descriptions end a page early and lose nothing.
#[tokio::test]
async fn long_tasks_make_short_pages() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    for number in 0..7 {
        let request = pb::CreateTaskRequest {
            project_id: "web".into(),
            title: format!("t{number}"),
            description: "x".repeat(500 * 1024),
            ..Default::default()
        };
        admin.tasks().create_task(request).await.unwrap();
    }
    let mut request = pb::ListTasksRequest::default();
    let mut pages = Vec::new();
    loop {
        let page = admin.tasks().list_tasks(request.clone()).await.unwrap().into_inner();
        pages.push(page.tasks.len());
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, [4, 3]);
}

/// F-159: the tree as nodes and as text.
#[tokio::test]
async fn trees_are_drawn() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    let root = admin.task("web", "Root").await;
    for title in ["First", "Second"] {
        let request =
            pb::CreateTaskRequest { project_id: "web".into(), title: title.into(), parent_task_id: root.id.clone(), ..Default::default() };
        admin.tasks().create_task(request).await.unwrap();
    }
    let request = pb::GetTaskTreeRequest { task_id: root.id.clone(), ..Default::default() };
    let tree = admin.tasks().get_task_tree(request).await.unwrap().into_inner();
    assert_eq!((tree.completed, tree.total, tree.nodes.len(), tree.truncated), (0, 2, 3, false));
    assert_eq!(tree.progress_bar, "░░░░░░░░░░ 0% (0/2)");
    let lines: Vec<_> = tree.formatted.lines().collect();
    assert!(lines[0].contains("Root") && lines[2].contains("├── ") && lines[2].contains("First") && lines[3].contains("└── "), "{lines:?}");
    assert_eq!(tree.nodes.iter().map(|node| node.depth).collect::<Vec<_>>(), [0, 1, 1]);
    let shown = admin.get_task(&root.id).await;
    assert_eq!((shown.subtask_count, shown.subtask_completed_count), (2, 0));
}

/// F-151, F-152: the status names what runs and what could, and usage follows the ledger.
#[tokio::test]
async fn status_and_usage_tell_what_happened() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("nova").await;
    let (first, second) = (admin.task("web", "first").await, admin.task("web", "second").await);
    let start = server.inner.start_order().await;
    server.inner.running(&start.run).await;
    let usage = OutputBody::Usage {
        message_id: "m1".into(),
        model: "small".into(),
        tokens: TokenUsage { input: 10, output: 5, cache_read: 0, cache_write: 0 },
        cost_micros: Some(7),
    };
    let item = OutputItem { seq: 1, at: aq_server::clock::Clock::now(server.inner.clock.as_ref()), body: usage };
    server.inner.report(&start.run, RunReport::Output { items: vec![item] }).await;
    let status = admin.admin().get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(status.running.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), [first.id.as_str()]);
    assert_eq!(status.ready.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), [second.id.as_str()]);
    assert_eq!((status.project_count, status.task_total, status.scheduling_paused), (1, 2, false));
    let agent = &status.agents[0];
    assert_eq!((agent.current_task_title.as_str(), agent.total_tokens), ("first", 15));
    let by =
        |task: &str, project: &str| pb::GetTokenUsageRequest { task_id: task.into(), project_id: project.into(), ..Default::default() };
    for request in [by("", ""), by("", "web"), by(&first.id, "")] {
        let usage = admin.accounts().get_token_usage(request).await.unwrap().into_inner();
        assert_eq!((usage.entries.len(), usage.total.unwrap().input, usage.total_cost_micros), (1, 10, 7));
        assert_eq!(usage.entries[0].project_id, "web");
    }
    let run = admin.runs().get_run(pb::GetRunRequest { task_id: first.id.clone(), run_number: 0 }).await.unwrap().into_inner();
    assert_eq!((run.number, run.cost_micros, run.model.as_str(), run.last_seq), (1, 7, "small", 1));
    let checked = admin.admin().check_invariants(pb::CheckInvariantsRequest {}).await.unwrap().into_inner();
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);
    assert_eq!(checked.checked.len(), 13);
}

/// F-154: a project's channel is set, found by it, and taken away; a deleted project tells which one it had.
#[tokio::test]
async fn a_project_is_found_by_its_channel() {
    let server = Server::start().await;
    let admin = server.admin();
    for name in ["Web", "Other"] {
        admin.project(name).await;
    }
    let set = async |channel: &str| {
        let project = pb::Project { id: "web".into(), discord_channel_id: channel.into(), ..Default::default() };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["discord_channel_id".into()] });
        let request = pb::UpdateProjectRequest { project: Some(project), update_mask, ..Default::default() };
        admin.projects().update_project(request).await.unwrap().into_inner().discord_channel_id
    };
    let of_channel = async |channel: &str| {
        let request = pb::ListProjectsRequest { discord_channel_id: channel.into(), ..Default::default() };
        let page = admin.projects().list_projects(request).await.unwrap().into_inner();
        page.projects.into_iter().map(|project| project.id).collect::<Vec<_>>()
    };
    assert_eq!(set("1234").await, "1234");
    assert_eq!(of_channel("1234").await, ["web"]);
    assert!(of_channel("99").await.is_empty());
    assert_eq!(set("").await, "", "unlinked");
    assert!(of_channel("1234").await.is_empty());
    set("77").await;
    let gone = admin.projects().delete_project(pb::DeleteProjectRequest { project_id: "web".into(), ..Default::default() }).await.unwrap();
    assert_eq!(gone.into_inner().discord_channel_id, "77");
}

/// Store R24: a row that holds what nobody of ours wrote is named beside what can be read, on its page and on no other; trees and what is around tasks are shown without it.
#[tokio::test]
async fn a_row_that_cannot_be_read_hides_no_other() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("web").await;
    admin.agent("orion").await;
    let parent = admin.task("web", "parent").await;
    let mut ids = Vec::new();
    for number in 0..4 {
        let request = pb::CreateTaskRequest {
            project_id: "web".into(),
            title: format!("task {number}"),
            parent_task_id: parent.id.clone(),
            ..Default::default()
        };
        ids.push(admin.tasks().create_task(request).await.unwrap().into_inner().id);
    }
    let order = server.inner.start_order().await;
    let run = order.run.to_string();
    let sql = format!(
        "PRAGMA ignore_check_constraints = ON; UPDATE tasks SET verification = 'garbage' WHERE id = '{}'; UPDATE runs SET runtime = 'garbage'; \
         PRAGMA ignore_check_constraints = OFF",
        ids[1]
    );
    server.inner.engine.submit(move |tx| tx.db.batch(&sql)).await.unwrap();

    let mut request = pb::ListTasksRequest { page_size: 2, order: pb::TaskOrder::OldestFirst.into(), ..Default::default() };
    let (mut seen, mut named) = (Vec::new(), Vec::new());
    loop {
        let page = admin.tasks().list_tasks(request.clone()).await.unwrap().into_inner();
        seen.extend(page.tasks.iter().map(|task| task.id.clone()));
        named.extend(page.unreachable);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let readable = [&parent.id, &ids[0], &ids[2], &ids[3]];
    assert_eq!((seen.iter().collect::<Vec<_>>(), &named), (readable.to_vec(), &vec![ids[1].clone()]));

    let runs = admin.runs().list_runs(pb::ListRunsRequest::default()).await.unwrap().into_inner();
    assert_eq!((runs.runs.len(), runs.unreachable), (0, vec![run]));
    let tree = admin
        .tasks()
        .get_task_tree(pb::GetTaskTreeRequest { task_id: parent.id.clone(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(tree.nodes.len(), 4);
    let shown = admin.tasks().get_task(pb::GetTaskRequest { task_id: parent.id.clone() }).await.unwrap().into_inner();
    assert_eq!((shown.subtasks.len(), shown.runs.len()), (3, 0));
    // A finished one, with its run, is found by the check as well.
    let done = format!(
        "PRAGMA ignore_check_constraints = ON; UPDATE runs SET state = 'ENDED', result = 'SUCCEEDED', ended_at = 1; \
         UPDATE tasks SET status = 'COMPLETED' WHERE id = '{}'; PRAGMA ignore_check_constraints = OFF",
        ids[1]
    );
    server.inner.engine.submit(move |tx| tx.db.batch(&done)).await.unwrap();
    let found = admin.admin().check_invariants(pb::CheckInvariantsRequest {}).await.unwrap().into_inner().findings;
    for subject in [format!("task {}", ids[1]), format!("run {}", order.run)] {
        assert!(found.iter().any(|finding| finding.rule == "C-13" && finding.subject == subject), "{subject}: {found:?}");
    }
    let broken = admin.tasks().get_task(pb::GetTaskRequest { task_id: ids[1].clone() }).await.unwrap_err();
    assert_eq!(broken.code(), tonic::Code::DataLoss, "{broken:?}");
}

//! The archive and the health of chains through the wire form.

use aq_core::output::FailureClass;
use aq_core::principal::Role;
use aq_core::runner_link::{RunOutcome, RunReport};
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;
use tonic::Code;

use super::fixture::{Server, refusal};

/// Plays the next started run to a failure that no try cures.
async fn fail_next(server: &Server) -> String {
    let order = server.inner.start_order().await;
    server.inner.running(&order.run).await;
    let outcome = RunOutcome::Failed { class: FailureClass::InvalidRequest, message: "no such model".into() };
    server.inner.report(&order.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    server.inner.until(&order.run.task, TaskStatus::Blocked).await;
    order.run.task.to_string()
}

/// F-164: tasks are archived one or many, each with a file that tells of it; the list, the settings and the way back.
#[tokio::test]
async fn the_archive_through_the_api() {
    let server = Server::start().await;
    let client = server.admin();
    client.project("web").await;
    client.agent("nova").await;
    let mut ids = Vec::new();
    for title in ["Add a login page", "Write the docs"] {
        ids.push(client.task("web", title).await.id);
        let order = server.inner.start_order().await;
        server.inner.succeed(&order.run).await;
        server.inner.until(&order.run.task, TaskStatus::Completed).await;
    }
    client.task("web", "Deploy").await;
    let blocked = fail_next(&server).await;

    let request = pb::ArchiveTasksRequest { task_ids: vec![ids[0].clone()], request_id: "one".into(), ..Default::default() };
    let answer = client.tasks().archive_tasks(request.clone()).await.unwrap().into_inner();
    let note = std::fs::read_to_string(&answer.archived[0].note_path).unwrap();
    assert!(note.starts_with("# Add a login page\n") && note.contains("### Summary\n\ndid ") && note.contains("- `a.txt`"), "{note}");
    // Said again, it is done once.
    assert_eq!(client.tasks().archive_tasks(request).await.unwrap().into_inner(), answer);
    let all = pb::ArchiveTasksRequest { project_id: "web".into(), include_failed: true, ..Default::default() };
    let answer = client.tasks().archive_tasks(all).await.unwrap().into_inner();
    let archived: Vec<_> = answer.archived.iter().map(|one| one.task.clone().unwrap().id).collect();
    assert_eq!((archived, answer.left), (vec![ids[1].clone(), blocked.clone()], Vec::new()));
    let note = std::fs::read_to_string(&answer.archived[1].note_path).unwrap();
    assert!(note.contains("**Blocked because:** config") && note.contains("### Error\n\ninvalid_request: no such model"), "{note}");

    let page = pb::ListArchivedTasksRequest { page_size: 2, ..Default::default() };
    let first = client.tasks().list_archived_tasks(page.clone()).await.unwrap().into_inner();
    let rest = pb::ListArchivedTasksRequest { page_token: first.next_page_token.clone(), ..page };
    let rest = client.tasks().list_archived_tasks(rest).await.unwrap().into_inner();
    assert_eq!((first.tasks.len(), first.total_size, rest.tasks.len(), rest.next_page_token.as_str()), (2, 3, 1, ""));
    assert_eq!(rest.tasks[0].task.as_ref().unwrap().id, ids[0]);
    let named = pb::ListArchivedTasksRequest { query: "LOGIN".into(), ..Default::default() };
    assert_eq!(client.tasks().list_archived_tasks(named).await.unwrap().into_inner().total_size, 1);
    let settings = client.tasks().get_archive_settings(pb::GetArchiveSettingsRequest::default()).await.unwrap().into_inner();
    assert_eq!((settings.enabled, settings.archived_count, settings.eligible_count), (true, 3, 0));
    assert_eq!((settings.after.unwrap().seconds, settings.statuses.len()), (86_400, 3));
    assert!(client.get_task(&blocked).await.archived);

    let back = pb::RestoreTaskRequest { task_id: blocked.clone(), ..Default::default() };
    let task = client.tasks().restore_task(back).await.unwrap().into_inner();
    assert_eq!((task.id.as_str(), task.status(), task.archived), (blocked.as_str(), pb::TaskStatus::Ready, false));
    assert_eq!(server.inner.start_order().await.run.number, 2);
}

/// F-164, F-149: what cannot be archived is refused with what to do, and who does not see a project does not see its archive.
#[tokio::test]
async fn refusals_of_the_archive() {
    let server = Server::start().await;
    let client = server.admin();
    client.project("web").await;
    let open = client.task("web", "Open").await.id;
    let archive = async |request: pb::ArchiveTasksRequest| refusal(&client.tasks().archive_tasks(request).await.unwrap_err());
    let invalid = |field: &str| (Code::InvalidArgument, "INVALID_ARGUMENT".to_owned(), field.to_owned());
    assert_eq!(archive(pb::ArchiveTasksRequest::default()).await, invalid("task_ids"));
    let both = pb::ArchiveTasksRequest { task_ids: vec![open.clone()], project_id: "web".into(), ..Default::default() };
    assert_eq!(archive(both).await, invalid("task_ids"));
    let failed = pb::ArchiveTasksRequest { task_ids: vec![open.clone()], include_failed: true, ..Default::default() };
    assert_eq!(archive(failed).await, invalid("include_failed"));
    let twice = pb::ArchiveTasksRequest { task_ids: vec![open.clone(), open.clone()], ..Default::default() };
    assert_eq!(archive(twice).await, invalid("task_ids[1]"));
    let unfinished = pb::ArchiveTasksRequest { task_ids: vec![open.clone()], ..Default::default() };
    let (code, reason, _) = archive(unfinished.clone()).await;
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "TASK_NOT_FINISHED"));
    let (code, reason, _) =
        refusal(&client.tasks().restore_task(pb::RestoreTaskRequest { task_id: open.clone(), ..Default::default() }).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "TASK_NOT_ARCHIVED"));
    let other = server.role(Role::Operator, &["app"]);
    assert_eq!(refusal(&other.tasks().archive_tasks(unfinished).await.unwrap_err()).0, Code::NotFound);
    let listed = other.tasks().list_archived_tasks(pb::ListArchivedTasksRequest { project_id: "web".into(), ..Default::default() }).await;
    assert_eq!(refusal(&listed.unwrap_err()).0, Code::NotFound);
}

/// F-161: of a task, who is in its way and who waits behind it; of a project, every stuck chain with its cause; and what a skip changes (F-086).
#[tokio::test]
async fn the_health_of_chains() {
    let server = Server::start().await;
    let client = server.admin();
    client.project("web").await;
    client.agent("nova").await;
    let after = async |title: &str, after: &[&str]| {
        let after = after.iter().map(|id| (*id).to_owned()).collect();
        let request = pb::CreateTaskRequest { project_id: "web".into(), title: title.into(), after, ..Default::default() };
        client.tasks().create_task(request).await.unwrap().into_inner().id
    };
    let root = after("root", &[]).await;
    let near = after("near", &[&root]).await;
    let far = after("far", &[&near]).await;
    let health = async |task: &str, project: &str| {
        let request = pb::GetChainHealthRequest { task_id: task.into(), project_id: project.into() };
        client.tasks().get_chain_health(request).await.unwrap().into_inner()
    };
    let well = health("", "web").await;
    assert_eq!((well.summary.as_str(), well.chains.len()), ("No chain is stuck.", 0));
    fail_next(&server).await;

    let project = health("", "web").await;
    assert_eq!((project.total_chains, project.total_stuck), (1, 2));
    let chain = &project.chains[0];
    assert_eq!(
        (chain.task.as_ref().unwrap().id.as_str(), chain.stuck_count, chain.block_reason()),
        (root.as_str(), 2, pb::BlockReason::Config)
    );
    assert!(chain.cause.contains("correct what the message names"), "{}", chain.cause);
    assert_eq!(chain.stuck.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), [near.as_str(), far.as_str()]);
    assert_eq!(health(&root, "").await.summary, format!("{root} is BLOCKED and holds up 2 tasks."));
    let of_far = health(&far, "").await;
    assert_eq!(of_far.summary, format!("{far} cannot start: it waits behind 1 task that cannot complete."));
    assert_eq!(of_far.chains[0].task.as_ref().unwrap().id, root);
    let other = server.role(Role::Viewer, &["app"]);
    let seen = other.tasks().get_chain_health(pb::GetChainHealthRequest::default()).await.unwrap().into_inner();
    assert_eq!(seen.total_chains, 0);
    let refused = client.tasks().get_chain_health(pb::GetChainHealthRequest { task_id: root.clone(), project_id: "web".into() }).await;
    assert_eq!(refusal(&refused.unwrap_err()).2, "project_id");

    let skip = pb::SkipTaskRequest { task_id: root.clone(), ..Default::default() };
    let skipped = client.tasks().skip_task(skip).await.unwrap().into_inner();
    assert_eq!(skipped.unblocked.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), [near.as_str()]);
    assert!(skipped.landing.is_none() && skipped.still_waiting.is_empty());
    assert_eq!(health("", "web").await.total_chains, 0);
}

/// F-076: the limits of a task and of a project travel both ways, and one that is out of bounds is named.
#[tokio::test]
async fn limits_travel() {
    let server = Server::start().await;
    let client = server.admin();
    client.project("web").await;
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let request = pb::CreateTaskRequest { project_id: "web".into(), title: "x".into(), time_limit: seconds(60), ..Default::default() };
    let task = client.tasks().create_task(request.clone()).await.unwrap().into_inner();
    assert_eq!((task.time_limit, task.silence_limit), (seconds(60), None));
    let update = |task: pb::Task| {
        let paths = vec!["time_limit".to_owned(), "silence_limit".to_owned()];
        pb::UpdateTaskRequest { task: Some(task), update_mask: Some(prost_types::FieldMask { paths }), ..Default::default() }
    };
    let changed = pb::Task { time_limit: None, silence_limit: seconds(5), ..task.clone() };
    let changed = client.tasks().update_task(update(changed)).await.unwrap().into_inner();
    assert_eq!((changed.time_limit, changed.silence_limit), (None, seconds(5)));
    let bad = pb::Task { silence_limit: seconds(8 * 86_400), ..task };
    let refused = refusal(&client.tasks().update_task(update(bad)).await.unwrap_err());
    assert_eq!((refused.0, refused.2.as_str()), (Code::InvalidArgument, "task.silence_limit"));
    let bad = pb::CreateTaskRequest { time_limit: seconds(-1), ..request };
    assert_eq!(refusal(&client.tasks().create_task(bad).await.unwrap_err()).2, "time_limit");
    let paths = vec!["time_limit".to_owned()];
    let project = pb::Project { id: "web".into(), time_limit: seconds(7_200), ..Default::default() };
    let request =
        pb::UpdateProjectRequest { project: Some(project), update_mask: Some(prost_types::FieldMask { paths }), ..Default::default() };
    assert_eq!(client.projects().update_project(request).await.unwrap().into_inner().time_limit, seconds(7_200));
}

/// F-162, F-092: `show` and `explain` say why a task was stopped, and by whom; and what failed.
#[tokio::test]
async fn the_reason_of_a_block_is_shown() {
    let server = Server::start().await;
    let client = server.admin();
    client.project("web").await;
    client.agent("nova").await;
    let task = client.task("web", "Add a login page").await.id;
    let order = server.inner.start_order().await;
    let stop = pb::StopTaskRequest { task_id: task.clone(), reason: "wrong branch".into(), ..Default::default() };
    client.tasks().stop_task(stop).await.unwrap();
    let explain = async |id: &str| {
        let request = pb::ExplainTaskRequest { task_id: id.into() };
        let answer = client.tasks().explain_task(request).await.unwrap().into_inner();
        answer.reasons.into_iter().map(|reason| reason.text).collect::<Vec<_>>().join("\n")
    };
    let told = explain(&task).await;
    assert!(told.contains("operator_stop") && told.contains("wrong branch (by "), "{told}");
    assert!(client.get_task(&task).await.result_summary.contains("wrong branch (by "));
    let outcome = RunOutcome::Stopped { reason: aq_core::runner_link::StopReason::Operator };
    server.inner.report(&order.run, RunReport::Finished { outcome, exit_code: None }).await;
    client.task("web", "Deploy").await;
    let failed = fail_next(&server).await;
    assert!(explain(&failed).await.ends_with("no such model"), "{}", explain(&failed).await);
    assert_eq!(client.get_task(&failed).await.result_summary, "no such model", "said once");
}

//! GitService over the wire: a real repository in the home, and the answers of a person's calls (F-115, F-162, F-167).

use std::path::{Path, PathBuf};
use std::process::Command;

use aq_core::output::FailureClass;
use aq_core::principal::Role;
use aq_core::runner_link::{RunOutcome, RunReport};
use aq_core::task::TaskStatus;
use aq_proto::v1 as pb;
use tonic::Code;

use super::fixture::{Server, refusal};

pub(super) fn git(directory: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(args).current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for (name, value) in [("AUTHOR", "Me"), ("COMMITTER", "Me")] {
        command.env(format!("GIT_{name}_NAME"), value).env(format!("GIT_{name}_EMAIL"), "me@example.com");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

pub(super) fn repository(server: &Server) -> PathBuf {
    let path = server.inner.home.path().join("source");
    std::fs::create_dir(&path).unwrap();
    git(&path, &["init", "-q", "-b", "main"]);
    git(&path, &["config", "user.name", "Me"]);
    git(&path, &["config", "user.email", "me@example.com"]);
    std::fs::write(path.join("a.txt"), "one\n").unwrap();
    git(&path, &["add", "-A"]);
    git(&path, &["commit", "-qm", "first"]);
    path
}

pub(super) async fn project(server: &Server, path: &Path) -> String {
    let request = pb::CreateProjectRequest { name: "Web".into(), repo_url: path.display().to_string(), ..Default::default() };
    server.admin().projects().create_project(request).await.unwrap().into_inner().id
}

/// F-167, D-84, api R5: there is one family of calls for git, and a person makes a branch, commits and merges; each answer is kept for its request id, and the mutations are told as events.
#[tokio::test]
async fn a_repository_is_worked_in_by_hand() {
    let server = Server::start().await;
    let path = repository(&server);
    let (admin, project_id) = (server.admin(), project(&server, &path).await);
    let create =
        pb::CreateBranchRequest { project_id: project_id.clone(), branch: "side".into(), request_id: "one".into(), ..Default::default() };
    let made = admin.git().create_branch(create.clone()).await.unwrap().into_inner();
    assert_eq!(made.commit, git(&path, &["rev-parse", "side"]));
    git(&path, &["branch", "-D", "side"]);
    assert_eq!(admin.git().create_branch(create.clone()).await.unwrap().into_inner(), made, "the kept answer");
    assert!(Command::new("git").args(["rev-parse", "--verify", "-q", "side"]).current_dir(&path).status().unwrap().code() != Some(0));
    let reused = admin.git().create_branch(pb::CreateBranchRequest { branch: "other".into(), ..create }).await.unwrap_err();
    assert_eq!(refusal(&reused).1, "REQUEST_ID_REUSED");

    std::fs::write(path.join("a.txt"), "two\n").unwrap();
    let status = pb::GetGitStatusRequest { project_id: project_id.clone(), ..Default::default() };
    let stands = admin.git().get_git_status(status).await.unwrap().into_inner();
    let files = stands.checkout.unwrap().files;
    assert_eq!((files.len(), files[0].path.as_str(), files[0].change()), (1, "a.txt", pb::FileChange::Modified));
    let commit = pb::CommitChangesRequest { project_id: project_id.clone(), message: "second".into(), ..Default::default() };
    let commit = admin.git().commit_changes(commit).await.unwrap().into_inner().commit;
    let list = pb::ListCommitsRequest { project_id: project_id.clone(), page_size: 1, ..Default::default() };
    let page = admin.git().list_commits(list.clone()).await.unwrap().into_inner();
    assert_eq!(page.commits[0].id, commit);
    let next = pb::ListCommitsRequest { page_token: page.next_page_token, ..list };
    let rest = admin.git().list_commits(next).await.unwrap().into_inner();
    assert_eq!((rest.commits.len(), rest.commits[0].message.as_str(), rest.next_page_token.as_str()), (1, "first\n", ""));
    let filter = pb::EventFilter { types: vec!["git.commit".into()], ..Default::default() };
    let told = admin.events().list_events(pb::ListEventsRequest { filter: Some(filter), ..Default::default() }).await;
    assert_eq!(told.unwrap().into_inner().events.len(), 1);

    let viewer = server.role(Role::Viewer, &[]);
    let merge = pb::MergeBranchRequest { project_id: project_id.clone(), branch: "main".into(), ..Default::default() };
    assert_eq!(viewer.git().merge_branch(merge.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(admin.git().merge_branch(merge).await.unwrap().into_inner(), pb::MergeBranchResponse::default(), "nothing to merge");
    let gone = pb::MergeBranchRequest { project_id, branch: "gone".into(), ..Default::default() };
    assert_eq!(refusal(&admin.git().merge_branch(gone).await.unwrap_err()).2, "branch gone");
    let foreign = server.role(Role::Admin, &["other"]);
    let hidden = pb::ListBranchesRequest { project_id: "web".into(), ..Default::default() };
    assert_eq!(foreign.git().list_branches(hidden).await.unwrap_err().code(), Code::NotFound);
}

/// F-167: whoever works by hand is told which tasks are at work, and the branch of a task that is not over is not merged by hand.
#[tokio::test]
async fn running_tasks_are_warned_of_and_their_branches_guarded() {
    let server = Server::start().await;
    let path = repository(&server);
    let (admin, project_id) = (server.admin(), project(&server, &path).await);
    admin.agent("one").await;
    let task = admin.task(&project_id, "work").await;
    let start = server.inner.start_order().await;
    let create = pb::CreateBranchRequest { project_id: project_id.clone(), branch: "side".into(), ..Default::default() };
    let made = admin.git().create_branch(create).await.unwrap().into_inner();
    assert!(made.warnings.len() == 1 && made.warnings[0].contains(&task.id), "{:?}", made.warnings);
    let branch = start.workspace.branch.clone();
    let merge = pb::MergeBranchRequest { project_id: project_id.clone(), branch, ..Default::default() };
    assert_eq!(refusal(&admin.git().merge_branch(merge).await.unwrap_err()).1, "TASK_NOT_OVER");
}

/// F-162: the newest result, and the failure with its class, what was said and what helps.
#[tokio::test]
async fn results_and_errors_are_told() {
    let server = Server::start().await;
    let path = repository(&server);
    let (admin, project_id) = (server.admin(), project(&server, &path).await);
    admin.agent("one").await;
    let task = admin.task(&project_id, "work").await;
    let start = server.inner.start_order().await;
    let wanted = pb::GetTaskErrorRequest { task_id: task.id.clone() };
    assert_eq!(refusal(&admin.tasks().get_task_error(wanted.clone()).await.unwrap_err()).1, "NO_ERROR");
    let result = pb::GetTaskResultRequest { task_id: task.id.clone() };
    assert_eq!(refusal(&admin.tasks().get_task_result(result.clone()).await.unwrap_err()).1, "NO_RESULT");
    server.inner.running(&start.run).await;
    let outcome = RunOutcome::Failed { class: FailureClass::InvalidRequest, message: "no such model".into() };
    server.inner.report(&start.run, RunReport::Finished { outcome, exit_code: Some(1) }).await;
    let error = admin.tasks().get_task_error(wanted).await.unwrap().into_inner();
    assert_eq!((error.failure_class(), error.message.as_str()), (pb::FailureClass::InvalidRequest, "no such model"));
    assert_eq!(error.hint, FailureClass::InvalidRequest.hint());
    assert_eq!((error.task_status(), error.block_reason()), (pb::TaskStatus::Blocked, pb::BlockReason::Config));

    let restart = pb::RestartTaskRequest { task_id: task.id.clone(), ..Default::default() };
    admin.tasks().restart_task(restart).await.unwrap();
    let start = server.inner.start_order().await;
    server.inner.succeed(&start.run).await;
    server.inner.until(&start.run.task, TaskStatus::Completed).await;
    let done = admin.tasks().get_task_result(result).await.unwrap().into_inner();
    assert_eq!((done.task_status(), done.files_changed.as_slice()), (pb::TaskStatus::Completed, &["a.txt".to_owned()][..]));
    assert_eq!(done.summary, format!("did {}", start.run));
}

/// Retention R13: whoever asks for the changes of a task of which nothing is kept is told why there may be nothing, and not that a branch is missing.
#[tokio::test]
async fn a_task_of_which_nothing_is_kept_says_why() {
    let server = Server::start().await;
    let path = repository(&server);
    let (admin, project_id) = (server.admin(), project(&server, &path).await);
    admin.agent("nova").await;
    let task = admin.task(&project_id, "one").await.id;
    let run = server.inner.start_order().await.run;
    server.inner.succeed(&run).await;
    let wanted = pb::GetDiffRequest { task_id: task, ..Default::default() };
    let refused = admin.git().get_diff(wanted).await.unwrap_err();
    assert_eq!((refused.code(), refusal(&refused).1.as_str()), (Code::FailedPrecondition, "WORK_NOT_KEPT"));
    assert!(refused.message().contains("the project's history alone tells of it"), "{}", refused.message());
}

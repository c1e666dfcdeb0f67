//! Bad input through a served process: repositories that cannot be used, programs that are not there, agents that hang.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use aq_proto::v1 as pb;
use tonic::Code;

use super::place::Place;
use super::world::{Launched, Served};

const CONFIG: &str = "agents:\n  sandbox: none\n";

fn git(directory: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"];
    assert!(Command::new("git").args(identity).args(arguments).current_dir(directory).status().unwrap().success());
}

/// A repository without a commit.
fn repository(place: &Path, name: &str) -> PathBuf {
    let path = place.join(name);
    std::fs::create_dir(&path).unwrap();
    git(&path, &["init", "-q", "-b", "main"]);
    path
}

fn commit(repository: &Path, file: &str, text: &str) {
    std::fs::write(repository.join(file), text).unwrap();
    git(repository, &["add", "-A"]);
    git(repository, &["commit", "-q", "-m", "more"]);
}

async fn linked(served: &Served, project: &str, path: &Path) -> Result<pb::Workspace, tonic::Status> {
    let request = pb::AddWorkspaceRequest {
        project_id: project.into(),
        kind: pb::WorkspaceKind::Link.into(),
        source: path.display().to_string(),
        ..Default::default()
    };
    served.admin.workspaces().add_workspace(request).await.map(tonic::Response::into_inner)
}

async fn get(served: &Served, task: &str) -> pb::GetTaskResponse {
    served.admin.tasks().get_task(pb::GetTaskRequest { task_id: task.to_owned() }).await.unwrap().into_inner()
}

/// Waits until the task is blocked; the number of that event.
async fn blocked(served: &Served, task: &str) -> u64 {
    served.events_until(task, "task.blocked").await.last().map_or(0, |event| event.seq)
}

/// Waits until the task is completed after an event.
async fn completed(served: &Served, task: &str, after: u64) {
    served.events_until_one(after, task, "task.completed", |event| event.r#type == "task.completed").await;
}

fn program(path: &Path, script: &str) {
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A project with a task for a program.
async fn for_program(served: &Served, program: &Path, max_retries: u32) -> String {
    let project = served.project().await;
    let profile = Some(pb::RuntimeProfile { command: vec![program.display().to_string()], ..Default::default() });
    let agent = pb::CreateAgentRequest { runtime: pb::Runtime::Command.into(), profile, ..Default::default() };
    served.admin.agents().create_agent(agent).await.unwrap();
    let request = pb::CreateTaskRequest {
        project_id: project,
        title: "use it".into(),
        description: "Use the program.".into(),
        runtime: pb::Runtime::Command.into(),
        max_retries: Some(max_retries),
        ..Default::default()
    };
    served.admin.tasks().create_task(request).await.unwrap().into_inner().id
}

/// Bad input (repositories): one without commits, one that stores files by a program (LFS), and a path that is none are refused at registration, each with its field, its
/// sentence and a remedy, and nothing of them is kept; the same path passes when it was mended.
#[tokio::test(flavor = "multi_thread")]
async fn repositories_that_cannot_be_used_are_refused() {
    let served = Served::start(CONFIG).await;
    let project = served.project().await;
    let place = served.process.folder.path().to_owned();
    let empty = repository(&place, "empty");
    let lfs = repository(&place, "lfs");
    commit(&lfs, ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    for (path, says) in [(&empty, "make a first commit there"), (&lfs, "Git LFS"), (&place.join("nowhere"), "No such file")] {
        let refused = linked(&served, &project, path).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        assert!(refused.message().starts_with("source: ") && refused.message().contains(says), "{}", refused.message());
        let url = pb::CreateProjectRequest { name: "Bad".into(), repo_url: path.display().to_string(), ..Default::default() };
        let refused = served.admin.projects().create_project(url).await.unwrap_err();
        assert!(refused.code() == Code::InvalidArgument && refused.message().starts_with("repo_url: "), "{refused:?}");
    }
    let projects = served.admin.projects().list_projects(pb::ListProjectsRequest::default()).await.unwrap().into_inner().projects;
    assert_eq!(projects.len(), 1, "{projects:?}");
    commit(&empty, "a.txt", "first\n");
    linked(&served, &project, &empty).await.unwrap();
}

/// Bad input (a dirty linked directory, a detached head): work is not landed over what a person has not committed, the task says so and its branch is kept; when the
/// person has committed, the same work lands. A detached head stays where it is while its branch moves.
#[tokio::test(flavor = "multi_thread")]
async fn a_linked_directory_keeps_what_its_owner_has_in_it() {
    let served = Served::start(CONFIG).await;
    let place = served.process.folder.path().to_owned();
    let agent = pb::CreateAgentRequest { runtime: pb::Runtime::Scripted.into(), ..Default::default() };
    served.admin.agents().create_agent(agent).await.unwrap();
    let mine = repository(&place, "mine");
    commit(&mine, "a.txt", "first\n");
    let named = pb::CreateProjectRequest { name: "Mine".into(), ..Default::default() };
    let project = served.admin.projects().create_project(named).await.unwrap().into_inner().id;
    linked(&served, &project, &mine).await.unwrap();

    std::fs::write(mine.join("a.txt"), "not committed\n").unwrap();
    let task = served.task(&project, "write a.txt theirs\ndone Changed.").await;
    let seen = blocked(&served, &task).await;
    let blocked = get(&served, &task).await;
    let found = blocked.task.unwrap();
    assert_eq!(found.block_reason(), pb::BlockReason::TargetDirty, "{found:?}");
    let last = blocked.runs.into_iter().max_by_key(|run| run.number).unwrap();
    assert!(last.message.contains("has uncommitted changes"), "{last:?}");
    assert_eq!(std::fs::read_to_string(mine.join("a.txt")).unwrap(), "not committed\n");

    git(&mine, &["checkout", "-q", "--", "a.txt"]);
    git(&mine, &["checkout", "-q", "--detach"]);
    let again = pb::RestartTaskRequest { task_id: task.clone(), ..Default::default() };
    served.admin.tasks().restart_task(again).await.unwrap();
    completed(&served, &task, seen).await;
    assert_eq!(std::fs::read_to_string(mine.join("a.txt")).unwrap(), "first\n", "the head was detached");
    git(&mine, &["checkout", "-q", "main"]);
    assert_eq!(std::fs::read_to_string(mine.join("a.txt")).unwrap().trim(), "theirs");
}

/// Bad input (a missing git), F-069, D-39: without git on the server's PATH a run cannot be prepared, and that is told with what to do; git that goes away before the landing
/// costs the agent's work nothing; when it is there, the same task goes its way without a restart of the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_git_is_named_and_loses_nothing() {
    let place = Place::new();
    let programs = place.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let served = Launched::on(place, CONFIG, &[("PATH", programs.to_str().unwrap())]).serving().await;
    let found = Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout;
    let (real, git) = (String::from_utf8(found).unwrap(), programs.join("git"));
    let agent = served.process.folder.path().join("my-agent");
    let script = format!("#!/bin/sh\n[ -f kept.txt ] || /bin/rm {}\necho kept > kept.txt\n", git.display());
    program(&agent, &script);
    let task = for_program(&served, &agent, 5).await;
    let events = served.events_until(&task, "task.failed").await;
    let told = format!("{:?}", events.last());
    assert!(told.contains("`git` was not found; install git, or start the server with a PATH"), "{told}");
    std::os::unix::fs::symlink(real.trim(), &git).unwrap();
    served.events_until(&task, "task.completed").await;
    let shown =
        Command::new("git").args(["show", "main:kept.txt"]).current_dir(served.process.folder.path().join("repository")).output().unwrap();
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), "kept\n");
}

/// Bad input (an agent binary that is missing), orchestrator R47: the agent says which program was not found and what helps, and its task waits; when the program is
/// there and the agent is resumed, the task uses it.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_agent_program_is_named() {
    let served = Served::start(CONFIG).await;
    let agent = served.process.folder.path().join("my-agent");
    let task = for_program(&served, &agent, 0).await;
    served.events_until(&task, "task.paused").await;
    let list = pb::ListAgentsRequest { state: pb::AgentState::Error.into(), ..Default::default() };
    let found = served.admin.agents().list_agents(list).await.unwrap().into_inner().agents.remove(0);
    assert!(found.error.contains("my-agent does not exist") && found.error.contains("then resume the agent"), "{found:?}");
    assert_eq!(get(&served, &task).await.runs[0].message, found.error.split(" (spawn)").next().unwrap());

    program(&agent, "#!/bin/sh\necho hello > b.txt\n");
    served.admin.agents().resume_agent(pb::ResumeAgentRequest { agent_id: found.id, ..Default::default() }).await.unwrap();
    served.events_until(&task, "task.completed").await;
}

/// Bad input (an agent that hangs), F-076, D-08: an agent that says nothing for the time allowed is ended with everything it started; the task is blocked with the limit
/// that it met, and what the agent had written is kept.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_hangs_is_ended() {
    let served = Served::start("agents:\n  sandbox: none\n  silence_timeout_seconds: 10\n").await;
    let agent = served.process.folder.path().join("my-agent");
    program(&agent, "#!/bin/sh\necho kept > kept.txt\ntrap '' INT TERM\nsleep 1000 &\nwait\n");
    let task = for_program(&served, &agent, 0).await;
    served.events_until(&task, "task.blocked").await;
    let answer = get(&served, &task).await;
    let last = answer.runs.iter().max_by_key(|run| run.number).unwrap();
    assert!(last.message.contains("printed nothing for too long"), "{last:?}");
    assert_eq!(std::fs::read_to_string(Path::new(&last.directory).join("kept.txt")).unwrap(), "kept\n");
}

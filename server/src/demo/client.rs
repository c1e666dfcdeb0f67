//! The demonstration's side of the wire: the server as a child process, and the calls that set it to work.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aq_proto::client::{Connection, Options, discover};
use aq_proto::v1 as pb;

use super::work::{Item, Project};
use crate::args::DemoAgent;

/// How long the server may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server process; ended when dropped, so that a demonstration that fails leaves nothing behind.
pub(super) struct Server {
    child: Child,
    home: PathBuf,
}

impl Server {
    /// Starts a server in `home`, with its log beside it.
    pub(super) fn start(home: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        let log = home.with_extension("log");
        let file = std::fs::File::create(&log).map_err(|error| format!("{} cannot be written: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let child = Command::new(program)
            .args(["serve", "--config"])
            .arg(config(home)?)
            .arg("--home")
            .arg(home)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("the server cannot be started: {error}"))?;
        Ok(Self { child, home: home.to_owned() })
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Connects as soon as the server listens.
    pub(super) async fn connect(&mut self) -> Result<Connection, String> {
        let tries = PATIENCE.as_millis() / 25;
        let mut last = String::new();
        for _ in 0..tries {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the server ended at once ({status}); its log is {}", self.home.with_extension("log").display()));
            }
            match discover(&self.home) {
                Ok(address) => match Connection::connect(&Options::new(address.endpoint, address.api_key)).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => last = error.to_string(),
                },
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err(format!("the server does not answer: {last}"))
    }

    /// Asks the server to end and waits until it has, while the connection to it may say goodbye.
    pub(super) async fn end(&mut self) {
        self.terminate();
        while matches!(self.child.try_wait(), Ok(None)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // A server that is gone already needs no signal.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
            let _ended = self.child.wait();
        }
    }
}

/// An empty configuration, so that the user's own one has no say in a demonstration.
fn config(home: &Path) -> Result<PathBuf, String> {
    let path = home.with_extension("yaml");
    std::fs::write(&path, "# The demonstration runs on defaults.\n")
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(path)
}

/// Adds the agents.
pub(super) async fn add_agents(connection: &Connection, agent: DemoAgent, count: usize) -> Result<(), String> {
    let runtime = match agent {
        DemoAgent::Scripted => pb::Runtime::Scripted,
        DemoAgent::Claude => pb::Runtime::Claude,
    };
    for _ in 0..count {
        let request = pb::CreateAgentRequest { runtime: runtime.into(), ..Default::default() };
        connection.agents().create_agent(request).await.map_err(|status| format!("an agent cannot be added: {}", status.message()))?;
    }
    Ok(())
}

/// Registers a repository as a project and returns its id.
pub(super) async fn add_project(connection: &Connection, project: &Project, repository: &Path) -> Result<String, String> {
    let request = pb::CreateProjectRequest {
        name: project.name.to_owned(),
        credit_weight: Some(project.weight),
        max_concurrent_agents: Some(2),
        repo_url: repository.to_string_lossy().into_owned(),
        test_commands: vec![project.check.to_owned()],
        ..Default::default()
    };
    let made = connection
        .projects()
        .create_project(request)
        .await
        .map_err(|status| format!("a project cannot be created: {}", status.message()))?;
    Ok(made.into_inner().id)
}

/// Queues a project's tasks in one call and returns them.
pub(super) async fn queue(connection: &Connection, project_id: &str, items: &[Item], agent: DemoAgent) -> Result<Vec<pb::Task>, String> {
    let tasks = items
        .iter()
        .map(|item| pb::CreateTaskRequest {
            project_id: project_id.to_owned(),
            key: item.key.to_owned(),
            title: item.title.to_owned(),
            description: item.description(agent),
            after: item.after.iter().map(|key| format!("#{key}")).collect(),
            ..Default::default()
        })
        .collect();
    let request = pb::BatchCreateTasksRequest { tasks, request_id: uuid::Uuid::new_v4().to_string() };
    let made = connection
        .tasks()
        .batch_create_tasks(request)
        .await
        .map_err(|status| format!("the tasks cannot be queued: {}", status.message()))?;
    Ok(made.into_inner().tasks)
}

//! A served `aqd` in a folder of its own, with a repository, and a client.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aq_proto::client::{ApiKey, Connection, Options, discover};
use aq_proto::v1 as pb;
use tokio::sync::mpsc::UnboundedReceiver;

use super::place::Place;

const PATIENCE: Duration = Duration::from_secs(120);

/// A server process that may not serve yet; killed when dropped.
pub(crate) struct Launched {
    pub(crate) folder: Arc<Place>,
    pub(crate) child: Child,
    lines: UnboundedReceiver<String>,
}

impl Launched {
    /// Starts a server on `config` in a folder, with more variables in its environment.
    pub(crate) fn on(folder: Arc<Place>, config: &str, variables: &[(&str, &str)]) -> Self {
        std::fs::write(folder.path().join("config.yaml"), config).unwrap();
        // A file that may not grow is an error to the server, as a full disk is, and not its end.
        let mut child = Command::new("/bin/sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_aqd")])
            .arg("serve")
            .arg("--config")
            .arg(folder.path().join("config.yaml"))
            .arg("--home")
            .arg(folder.path().join("home"))
            .args(["--log-format", "json"])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (told, lines) = tokio::sync::mpsc::unbounded_channel();
        // Read to the end, so that the server never waits for its log.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _nobody_reads = told.send(line);
            }
        });
        Self { folder, child, lines }
    }

    /// Waits for a line of the log that holds `text`.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        let wait = async {
            while let Some(line) = self.lines.recv().await {
                if line.contains(text) {
                    return Some(line);
                }
                seen.push_str(&line);
                seen.push('\n');
            }
            None
        };
        tokio::time::timeout(PATIENCE, wait).await.ok().flatten().unwrap_or_else(|| panic!("the server never said {text}:\n{seen}"))
    }

    /// Waits until it serves.
    pub(crate) async fn serving(mut self) -> Served {
        let line = self.until("\"serving\"").await;
        let address = discover(&self.folder.path().join("home")).unwrap();
        let admin = Connection::connect(&Options::new(address.endpoint, address.api_key)).await.unwrap();
        Served { process: self, line, admin }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A server that serves, and its administrator.
pub(crate) struct Served {
    pub(crate) process: Launched,
    /// The line of the log that says so.
    pub(crate) line: String,
    pub(crate) admin: Connection,
}

impl Served {
    /// Starts a server on `config` and waits until it serves.
    pub(crate) async fn start(config: &str) -> Self {
        Launched::on(Place::new(), config, &[]).serving().await
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.process.folder.path().join("home")
    }

    /// A client with another key.
    pub(crate) async fn with_key(&self, key: &str) -> Connection {
        let address = discover(&self.home()).unwrap();
        let key: ApiKey = key.parse().unwrap();
        Connection::connect(&Options::new(address.endpoint, Some(key))).await.unwrap()
    }

    /// A repository with one commit, as a project with its workspaces, and a scripted agent.
    pub(crate) async fn project(&self) -> String {
        let repository = self.process.folder.path().join("repository");
        std::fs::create_dir(&repository).unwrap();
        std::fs::write(repository.join("README.md"), "start\n").unwrap();
        for arguments in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "start"]] {
            let identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"];
            assert!(Command::new("git").args(identity).args(arguments).current_dir(&repository).status().unwrap().success());
        }
        let agent = pb::CreateAgentRequest { runtime: pb::Runtime::Scripted.into(), ..Default::default() };
        self.admin.agents().create_agent(agent).await.unwrap();
        let request =
            pb::CreateProjectRequest { name: "App".into(), repo_url: repository.to_string_lossy().into_owned(), ..Default::default() };
        self.admin.projects().create_project(request).await.unwrap().into_inner().id
    }

    /// A task with a script.
    pub(crate) async fn task(&self, project: &str, script: &str) -> String {
        let description = format!("Do it.\n```aq-script\n{script}\n```\n");
        let request = pb::CreateTaskRequest { project_id: project.into(), title: "look around".into(), description, ..Default::default() };
        self.admin.tasks().create_task(request).await.unwrap().into_inner().id
    }

    /// Waits for an event of a task; an attempt that fails before is not expected.
    pub(crate) async fn told(&self, task: &str, kind: &str) {
        let events = self.events_until(task, kind).await;
        let failed = events.iter().find(|event| event.r#type == "task.failed" && event.r#type != kind);
        assert!(failed.is_none(), "{failed:?}");
    }

    /// Every event of a task up to the first one of a kind. A task that is blocked before gets no further by itself.
    pub(crate) async fn events_until(&self, task: &str, kind: &str) -> Vec<pb::Event> {
        self.events_until_one(0, task, kind, |event| event.r#type == kind).await
    }

    /// Every event of a task behind a number up to the first one that `is` wanted, which is told as `wanted`.
    pub(crate) async fn events_until_one(&self, after: u64, task: &str, wanted: &str, is: impl Fn(&pb::Event) -> bool) -> Vec<pb::Event> {
        let request = pb::WatchEventsRequest { after_seq: Some(after), follow: true, ..Default::default() };
        let mut stream = self.admin.events().watch_events(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        let wait = async {
            while let Some(message) = stream.message().await.unwrap() {
                if let Some(pb::watch_events_response::Event::Item(event)) = message.event
                    && event.task_id == task
                {
                    let (found, stuck) = (is(&event), event.r#type == "task.blocked");
                    events.push(event);
                    if found {
                        return true;
                    }
                    assert!(!stuck, "{events:#?}");
                }
            }
            false
        };
        let ended = tokio::time::timeout(PATIENCE, wait).await;
        assert_eq!(ended, Ok(true), "no {wanted}: {events:#?}");
        events
    }

    /// Waits for an item of a task's output that says `text`.
    pub(crate) async fn said(&self, task: &str, text: &str) {
        let request = pb::StreamRunOutputRequest { task_id: task.into(), follow: true, ..Default::default() };
        let mut stream = self.admin.runs().stream_run_output(request).await.unwrap().into_inner();
        let wait = async {
            while let Some(message) = stream.message().await.unwrap() {
                if format!("{message:?}").contains(text) {
                    return;
                }
            }
            panic!("the stream ended");
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }
}

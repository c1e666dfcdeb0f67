//! A server, a gateway and a Discord, each of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aq_proto::client::{Connection, Options, discover};
use aq_proto::v1 as pb;
use aq_proto::v1::watch_events_response::Event as Watched;

use crate::fake::{Fake, GUILD, TOKEN};
use crate::place::Place;

/// Who may do everything, who may look, who may do nothing.
pub(crate) const ADMIN: u64 = 1;
pub(crate) const VIEWER: u64 = 2;
pub(crate) const STRANGER: u64 = 3;

/// The main channel, and one that a project may have.
pub(crate) const MAIN: u64 = 100;
pub(crate) const APP: u64 = 101;

const PATIENCE: Duration = Duration::from_secs(60);

/// A program of another package: cargo puts the programs of the workspace beside each other, but builds only those of this one for its tests. One
/// that is older than what it is made of would prove nothing.
fn program(name: &str, package: &str, folders: &[&str]) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_aq-discord")).with_file_name(name);
    let build = format!("build it first with `cargo build -p {package} --bin {name}`");
    let Ok(built) = path.metadata().and_then(|found| found.modified()) else { panic!("{} is missing: {build}", path.display()) };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in folders {
        let (source, changed) = newest(&root.join(folder));
        assert!(changed <= built, "{} is older than {}: {build}", path.display(), source.display());
    }
    path
}

/// The file below a folder that changed last; what only tests, benchmarks, examples and fuzz targets are made of, and what they remember, does not count.
fn newest(folder: &Path) -> (PathBuf, SystemTime) {
    let of = |entry: std::fs::DirEntry| {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            (!matches!(entry.file_name().to_str(), Some("tests" | "benches" | "examples" | "fuzz" | "snapshots"))).then(|| newest(&path))
        } else {
            Some((path, entry.metadata().unwrap().modified().unwrap()))
        }
    };
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter_map(of);
    entries.max_by_key(|(_, changed)| *changed).unwrap_or((folder.to_owned(), SystemTime::UNIX_EPOCH))
}

/// A process that is killed when dropped, with what it wrote.
struct Process(Child);

impl Process {
    /// Starts it and waits until its log says `word`; without a word it waits for nothing.
    fn start(mut command: Command, word: &'static str) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (told, ready) = std::sync::mpsc::channel();
        // Read to the end, so that the program never waits for its log.
        std::thread::spawn(move || {
            let mut seen = String::new();
            for line in log.lines().map_while(Result::ok) {
                if !word.is_empty() && line.contains(word) {
                    drop(told.send(Ok(())));
                }
                seen.push_str(&line);
                seen.push('\n');
            }
            drop(told.send(Err(seen)));
        });
        if !word.is_empty() {
            match ready.recv_timeout(PATIENCE) {
                Ok(Ok(())) => {}
                other => panic!("it did not start: {other:?}"),
            }
        }
        Self(child)
    }

    fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Everything that a test needs.
pub(crate) struct World {
    server: Process,
    gateway: Option<Process>,
    pub(crate) admin: Connection,
    pub(crate) fake: Fake,
    /// Goes last: what the server started outlives it, and is ended with the folder.
    folder: Arc<Place>,
}

impl World {
    /// A server with a project `app`, and a gateway that has arrived.
    pub(crate) async fn start() -> Self {
        let mut world = Self::without_gateway().await;
        world.start_gateway().await;
        world.fake.wait("the commands", |fake| (!fake.commands().is_null()).then_some(())).await;
        world
    }

    /// The same without a gateway.
    pub(crate) async fn without_gateway() -> Self {
        Self::with_model("chat_provider: {provider: openai, model: stub, base_url: '{url}/v1'}\n").await
    }

    /// The same with this section about the model; `{url}` is where the fake is.
    pub(crate) async fn with_model(section: &str) -> Self {
        let folder = Place::new();
        let fake = Fake::start().await;
        let model = section.replace("{url}", &fake.url());
        std::fs::write(folder.path().join("server.yaml"), format!("security: {{sandbox: none}}\n{model}")).unwrap();
        let server = Self::serve(folder.path());
        let admin = Self::connect(folder.path()).await;
        let world = Self { folder, server, gateway: None, admin, fake };
        world.prepare().await;
        world
    }

    fn serve(folder: &Path) -> Process {
        let mut command = Command::new(program("aqd", "aq-server", &["proto", "server"]));
        command
            .arg("serve")
            .arg("--config")
            .arg(folder.join("server.yaml"))
            .arg("--home")
            .arg(folder.join("home"))
            .args(["--log-format", "json"]);
        Process::start(command, "\"serving\"")
    }

    async fn connect(folder: &Path) -> Connection {
        let address = discover(&folder.join("home")).unwrap();
        Connection::connect(&Options::new(address.endpoint, address.api_key)).await.unwrap()
    }

    /// A repository, a project, an agent, a key of the gateway, its configuration.
    async fn prepare(&self) {
        self.agent("Vega").await;
        self.project("App", &APP.to_string()).await;
        let request = pb::CreateApiKeyRequest { role: pb::Role::Gateway.into(), ..Default::default() };
        let key = self.admin.admin().create_api_key(request).await.unwrap().into_inner().secret;
        let path = self.folder.path().join("gateway.key");
        std::fs::write(&path, key).unwrap();
        let mut mode = std::fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o600);
        std::fs::set_permissions(&path, mode).unwrap();
        self.configure("");
    }

    /// A scripted agent.
    pub(crate) async fn agent(&self, name: &str) {
        let agent = pb::CreateAgentRequest { runtime: pb::Runtime::Scripted.into(), name: name.into(), ..Default::default() };
        self.admin.agents().create_agent(agent).await.unwrap();
    }

    /// A project with a repository of its own; without a channel its notices go to the main one.
    pub(crate) async fn project(&self, name: &str, channel: &str) {
        let repository = self.folder.path().join(format!("repository-{name}"));
        std::fs::create_dir(&repository).unwrap();
        std::fs::write(repository.join("README.md"), "start\n").unwrap();
        for arguments in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "start"]] {
            let identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"];
            assert!(Command::new("git").args(identity).args(arguments).current_dir(&repository).status().unwrap().success());
        }
        let request = pb::CreateProjectRequest {
            name: name.into(),
            repo_url: repository.to_string_lossy().into_owned(),
            discord_channel_id: channel.into(),
            ..Default::default()
        };
        self.admin.projects().create_project(request).await.unwrap();
    }

    /// Writes the gateway's configuration; `more` are further lines of the section.
    pub(crate) fn configure(&self, more: &str) {
        let text = format!(
            "discord:\n  bot_token: {TOKEN}\n  guild_id: {GUILD}\n  api_url: {}\n  access:\n    admins: {{users: [{ADMIN}]}}\n    viewers: {{users: [{VIEWER}]}}\n{more}",
            self.fake.url()
        );
        std::fs::write(self.folder.path().join("gateway.yaml"), text).unwrap();
    }

    /// The gateway's command line.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aq-discord"));
        command
            .arg("--config")
            .arg(self.folder.path().join("gateway.yaml"))
            .arg("--home")
            .arg(self.folder.path().join("home"))
            .arg("--api-key-file")
            .arg(self.folder.path().join("gateway.key"));
        command
    }

    /// What `aqctl` prints for these words; it has to succeed.
    pub(crate) fn aqctl(&self, words: &[&str]) -> String {
        let mut command = Command::new(program("aqctl", "aq-cli", &["proto", "cli"]));
        command.arg("--home").arg(self.folder.path().join("home")).args(words);
        let output = command.env("NO_COLOR", "1").output().unwrap();
        let (said, problem) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success(), "aqctl {words:?}: {said}{problem}");
        said
    }

    /// The commits of a project's repository on its default branch, newest first.
    pub(crate) fn commits(&self, project: &str) -> Vec<String> {
        let repository = self.folder.path().join(format!("repository-{project}"));
        let output = Command::new("git").args(["log", "--format=%s", "main"]).current_dir(repository).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// Starts the gateway and waits until it follows the server and Discord knows it.
    pub(crate) async fn start_gateway(&mut self) {
        let before = self.fake.sessions();
        let mut command = self.command();
        command.arg("--verbose");
        self.gateway = Some(Process::start(command, "following events"));
        self.fake.wait("a session", |fake| (fake.sessions() > before).then_some(())).await;
    }

    /// Starts the gateway and waits for nothing.
    pub(crate) fn launch_gateway(&mut self) {
        self.gateway = Some(Process::start(self.command(), ""));
    }

    /// Kills the gateway where it stands.
    pub(crate) fn kill_gateway(&mut self) {
        self.gateway = None;
    }

    /// Kills the server where it stands.
    pub(crate) fn kill_server(&mut self) {
        self.server.kill();
    }

    /// Kills the server where it stands and starts it again.
    pub(crate) async fn restart_server(&mut self) {
        self.kill_server();
        self.server = Self::serve(self.folder.path());
        self.admin = Self::connect(self.folder.path()).await;
    }

    /// A task with a script.
    pub(crate) async fn task(&self, title: &str, script: &str) -> String {
        self.task_with(title, script, |_| {}).await
    }

    /// A task with a script and more.
    pub(crate) async fn task_with(&self, title: &str, script: &str, more: impl FnOnce(&mut pb::CreateTaskRequest)) -> String {
        let description = format!("Do it.\n```aq-script\n{script}\n```\n");
        let mut request = pb::CreateTaskRequest { project_id: "app".into(), title: title.into(), description, ..Default::default() };
        more(&mut request);
        self.admin.tasks().create_task(request).await.unwrap().into_inner().id
    }

    /// Waits until an event of a task was told, without asking again and again: a key has a rate.
    pub(crate) async fn happened(&self, task: &str, kind: &str) {
        let request = pb::WatchEventsRequest { after_seq: Some(0), follow: true, ..Default::default() };
        let mut events = self.admin.events().watch_events(request).await.unwrap().into_inner();
        let told = async {
            while let Some(answer) = events.message().await.unwrap() {
                if matches!(answer.event, Some(Watched::Item(event)) if event.task_id == task && event.r#type == kind) {
                    return;
                }
            }
            panic!("the events ended before {kind} of {task}");
        };
        tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("no {kind} of {task}"));
    }

    /// How a task stands.
    pub(crate) async fn status(&self, task: &str) -> pb::TaskStatus {
        let request = pb::GetTaskRequest { task_id: task.into() };
        self.admin.tasks().get_task(request).await.unwrap().into_inner().task.unwrap().status()
    }

    /// A file's path in the test's folder, for scripts that wait for it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

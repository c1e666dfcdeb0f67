//! Turns a source into a checked configuration. Pure: the same source always gives the same answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::document::{self, Node};
use super::environment::Environment;
use super::legacy;
use super::problem::{Problems, Severity, Sink, Warning};
use super::reader::Reader;
use super::sections::{
    Account, Agents, Archive, AutoTask, Budgets, Chat, ChatProvider, Database, Git, HookEngine, LlmLogging, Logging, Mcp, Metrics,
    Monitoring, PauseRetry, Questions, Retention, Runtimes, Scheduling, Server, Traces,
};
use super::source::{ConfigSource, Overrides};
use super::substitute::substitute;

/// The whole configuration of the server, every value checked and in range (config R5).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerConfig {
    /// Where the server lives and listens.
    pub server: Server,
    /// Which database keeps the state.
    pub database: Database,
    /// How the next task is chosen.
    pub scheduling: Scheduling,
    /// What may be spent.
    pub budgets: Budgets,
    /// Plans and API keys that runtimes draw from.
    pub accounts: Vec<Account>,
    /// How agents run.
    pub agents: Agents,
    /// The programs that do the work.
    pub runtimes: Runtimes,
    /// In whose name commits are made.
    pub git: Git,
    /// How long things are kept.
    pub retention: Retention,
    /// When finished tasks leave the lists.
    pub archive: Archive,
    /// Waits after a limit without a reset instant.
    pub pause_retry: PauseRetry,
    /// When a task that does not move is announced.
    pub monitoring: Monitoring,
    /// How long questions of agents wait.
    pub questions: Questions,
    /// How plans become tasks.
    pub auto_task: AutoTask,
    /// Whether hooks run.
    pub hook_engine: HookEngine,
    /// Where assistants reach the tools.
    pub mcp: Mcp,
    /// Where a monitoring program reads the figures.
    pub metrics: Metrics,
    /// Where spans are sent.
    pub traces: Traces,
    /// The model behind the chat.
    pub chat_provider: ChatProvider,
    /// How far a turn of the chat goes.
    pub chat: Chat,
    /// Whether the chat model's calls are recorded.
    pub llm_logging: LlmLogging,
    /// What is logged.
    pub logging: Logging,
    /// The file this came from; `None` for defaults only.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl ServerConfig {
    /// The defaults for a server living in `home` (absolute), without file and environment: for tests and the demonstration.
    ///
    /// # Errors
    /// When `home` is not absolute or not UTF-8.
    pub fn for_home(home: &Path) -> Result<Self, Problems> {
        let overrides = Overrides { home: Some(home.to_string_lossy().into_owned()), ..Overrides::default() };
        load(&ConfigSource { overrides, ..ConfigSource::default() }).map(|(config, _)| config)
    }

    /// The effective configuration as YAML, secrets masked (F-039).
    ///
    /// # Errors
    /// When a value cannot be written as YAML; the text says which.
    pub fn dump(&self) -> Result<String, String> {
        document::render(self)
    }
}

/// Reads a configuration: defaults < file < environment < command line (config R3).
///
/// # Errors
/// [`Problems`] with everything that is wrong, warnings included, when at least one problem is an error.
pub fn load(source: &ConfigSource) -> Result<(ServerConfig, Vec<Warning>), Problems> {
    let sink = Sink::default();
    let environment = match &source.sidecar {
        Some(sidecar) => source.environment.clone().with_sidecar(sidecar),
        None => source.environment.clone(),
    };
    let mut root = match source.file.as_ref().map(|file| document::parse(&file.text)) {
        None => BTreeMap::new(),
        Some(Ok(Node::Map(root))) => root,
        Some(Ok(other)) => {
            sink.error(("", ""), format!("must be a mapping of sections, not {}", other.kind()), None);
            BTreeMap::new()
        }
        Some(Err(error)) => {
            sink.error(("", ""), error.to_string(), None);
            // What follows would only be the echo of defaults; the syntax has to be right first.
            return Err(Problems(sink.into_sorted()));
        }
    };
    legacy::drop_foreign(&mut root);
    for (section, node) in &mut root {
        substitute(node, &environment, &sink, section, "");
    }
    legacy::map(&mut root, &sink);
    overlay(&mut root, &source.overrides, &environment);
    let mut config = read(root, &environment, &sink);
    config.file = source.file.as_ref().map(|file| file.path.clone());
    let found = sink.into_sorted();
    if found.iter().any(|problem| problem.severity == Severity::Error) { Err(Problems(found)) } else { Ok((config, found)) }
}

/// Lays the environment and the command line over the document.
fn overlay(root: &mut BTreeMap<String, Node>, flags: &Overrides, environment: &Environment) {
    let values = [
        ("server", "home", &flags.home, "AQ_HOME"),
        ("server", "socket", &flags.socket, "AQ_SOCKET"),
        ("server", "listen", &flags.listen, "AQ_LISTEN"),
        ("database", "url", &flags.database_url, "AQ_DATABASE_URL"),
        ("logging", "filter", &flags.log_filter, "AQ_LOG"),
        ("logging", "format", &flags.log_format, "AQ_LOG_FORMAT"),
    ];
    for (section, key, flag, variable) in values {
        let value = match (flag, environment.filled(variable)) {
            (Some(flag), _) => Node::text(flag.clone(), false),
            (None, Some(value)) => Node::text(value.to_owned(), true),
            (None, None) => continue,
        };
        let target = root.entry(section.to_owned()).or_insert(Node::Null);
        if *target == Node::Null {
            *target = Node::Map(BTreeMap::new());
        }
        if let Node::Map(entries) = target {
            drop(entries.insert(key.to_owned(), value));
        }
    }
}

fn read(root: BTreeMap<String, Node>, environment: &Environment, sink: &Sink) -> ServerConfig {
    let mut document = Reader::document(root, environment.home(), sink);
    let server = Server::read(document.section("server"), environment);
    let database = Database::read(document.section("database"), &server.home);
    let accounts = Account::read_all(document.items("accounts"));
    let runtimes = Runtimes::read(document.section("runtimes"));
    let agents = Agents::read(document.section("agents"), environment, &accounts, &runtimes);
    let config = ServerConfig {
        server,
        database,
        scheduling: Scheduling::read(document.section("scheduling")),
        budgets: Budgets::read(document.section("budgets")),
        accounts,
        agents,
        runtimes,
        git: Git::read(document.section("git")),
        retention: Retention::read(document.section("retention")),
        archive: Archive::read(document.section("archive")),
        pause_retry: PauseRetry::read(document.section("pause_retry")),
        monitoring: Monitoring::read(document.section("monitoring")),
        questions: Questions::read(document.section("questions")),
        auto_task: AutoTask::read(document.section("auto_task")),
        hook_engine: HookEngine::read(document.section("hook_engine")),
        mcp: Mcp::read(document.section("mcp")),
        metrics: Metrics::read(document.section("metrics")),
        traces: Traces::read(document.section("traces")),
        chat_provider: ChatProvider::read(document.section("chat_provider")),
        chat: Chat::read(document.section("chat")),
        llm_logging: LlmLogging::read(document.section("llm_logging")),
        logging: Logging::read(document.section("logging")),
        file: None,
    };
    document.finish();
    config
}

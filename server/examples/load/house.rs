//! A whole server in this process, but for the runner: store, lifecycle, orchestrator, API and transport on a Unix socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aq_core::budget::Budgets;
use aq_core::ids::AgentId;
use aq_core::principal::{Principal, ProjectScope, Role};
use aq_core::runner_link::{BoxFuture, RunnerLink, RunnerSink};
use aq_core::time::Timestamp;
use aq_core::workspace::WorkspaceKind;
use aq_proto::client::{ApiKey, Connection, Endpoint, Options};
use aq_runner::git::{Desk, GitProgram, Identity, Rooms};
use aq_server::api::{self, Api, Ending, KeyRing, RepositoryCheck, RepositoryRefused, ServerFacts};
use aq_server::clock::{SharedClock, SystemClock};
use aq_server::events::{EventBus, OutputHub, OutputLog, Wake};
use aq_server::grpc::{self, Gate, GrpcOptions, Health, KeyStore, KeyStoreUnavailable, Permissions};
use aq_server::lifecycle::{DEFAULT_SPAN_MS, Engine, Hot, load};
use aq_server::orchestrator::{Orchestrator, OwnKeys, Parts, Policy};
use aq_server::store::{DatabaseUrl, Reader, StoreError, WriterThread, agents, api_keys, new_key, open_migrated};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::fill;

/// The limits that keep one client from crowding out others are out of the way: there is one client here, and it is a crowd.
fn limits(socket: PathBuf) -> GrpcOptions {
    GrpcOptions {
        unix_socket: Some(socket),
        calls_per_second: 10_000_000,
        calls_per_principal: 10_000,
        streams_per_principal: 10_000,
        connections: 10_000,
        ..GrpcOptions::default()
    }
}

struct Keys(KeyRing);

#[tonic::async_trait]
impl KeyStore for Keys {
    async fn verify(&self, kid: &str, secret: &str) -> Result<Option<Principal>, KeyStoreUnavailable> {
        self.0.verify(kid, secret).await.map_err(|error| KeyStoreUnavailable(error.to_string()))
    }
}

/// There is no repository to look at.
struct Repositories;

impl RepositoryCheck for Repositories {
    fn repository(&self, _: &str) -> BoxFuture<'_, Result<(), RepositoryRefused>> {
        Box::pin(async { Ok(()) })
    }

    fn workspace(&self, _: WorkspaceKind, path: &str) -> BoxFuture<'_, Result<PathBuf, RepositoryRefused>> {
        let path = PathBuf::from(path);
        Box::pin(async move { Ok(path) })
    }
}

struct Never;

impl Ending for Never {
    fn end(&self, _: &str, _: Option<Duration>, _: bool) {}
}

/// The running server.
pub(crate) struct House {
    /// The writer.
    pub(crate) engine: Engine,
    /// What reports go to.
    pub(crate) sink: Arc<dyn RunnerSink>,
    /// How to connect.
    pub(crate) options: Options,
    stop: CancellationToken,
    thread: WriterThread,
    serving: JoinHandle<()>,
    deciding: JoinHandle<()>,
}

/// Repositories that nobody asks about.
fn rooms(home: &Path, clock: &SharedClock) -> Rooms {
    let identity = Identity { name: "Load".to_owned(), email: "load@localhost".to_owned() };
    let clock = Arc::clone(clock);
    Rooms::new(home.to_owned(), identity, GitProgram::default(), Arc::new(move || clock.now()))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl House {
    /// Opens the database `home/aq.db` and serves it to `agents` agents; the rest of them is paused. `link` makes the runner's part from
    /// what it reports to.
    pub(crate) async fn open<L: RunnerLink + 'static>(
        home: &Path,
        agents: usize,
        link: impl FnOnce(Arc<dyn RunnerSink>) -> L,
    ) -> Result<Self, String> {
        let clock: SharedClock = Arc::new(SystemClock);
        let url = DatabaseUrl::sqlite(&home.join("aq.db"));
        let (opening, backups, now) = (url.clone(), home.join("backups"), clock.now());
        let made = new_key(Role::Admin, ProjectScope::All, "load", now, None);
        let record = made.record.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let (mut db, _) = open_migrated(&opening, &backups, now)?;
            api_keys::insert(&mut db, &record)?;
            pause_all_but(&mut db, agents, now)?;
            let figures = load(&mut db, now, DEFAULT_SPAN_MS)?;
            Ok::<_, StoreError>((db, figures, Reader::start(&opening, 3)?))
        });
        let (db, figures, reader) = opened.await.map_err(told)?.map_err(told)?;
        let bus = EventBus::new(figures.last_event);
        let publisher = bus.clone();
        let (engine, thread) = Engine::start(db, Hot::new(figures), move |facts| publisher.publish(facts)).map_err(told)?;
        let hub = OutputHub::new(OutputLog::open(&home.join("output")).map_err(told)?);
        let (wake, stop) = (Wake::default(), CancellationToken::new());
        let budgets = Budgets { run: None, task_tree: None, project: None, global: None };
        // Every run has a key of its own, as in a server without configuration.
        let own_keys = Some(OwnKeys { socket: home.join("aq.sock"), mcp_url: None, lifetime_ms: 86_400_000 });
        let policy = Arc::new(Policy { budgets, own_keys, ..Policy::default() });
        let parts = Parts {
            engine: engine.clone(),
            reader: reader.clone(),
            hub: hub.clone(),
            clock: Arc::clone(&clock),
            policy: Arc::clone(&policy),
            wake: wake.clone(),
        };
        let (orchestrator, sink) = Orchestrator::new(parts, stop.clone());
        let sink: Arc<dyn RunnerSink> = sink;
        let link: Arc<dyn RunnerLink> = Arc::new(link(Arc::clone(&sink)));
        orchestrator.recover(link.as_ref()).await.map_err(told)?;
        let (order, token) = (Arc::clone(&link), stop.clone());
        let deciding = tokio::spawn(async move { drop(orchestrator.run(order, token).await) });
        let facts = ServerFacts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            sandbox: "none".to_owned(),
            database: url.to_string(),
            database_url: url.clone(),
            home: home.to_owned(),
            clones: home.join("clones"),
        };
        let ring = KeyRing::new(reader.clone(), Arc::clone(&clock));
        let api = Api::new(api::Parts {
            engine: engine.clone(),
            reader,
            hub: hub.clone(),
            bus,
            clock: Arc::clone(&clock),
            wake,
            link,
            policy,
            repositories: Arc::new(Repositories),
            git: Arc::new(Desk::new(rooms(home, &clock))),
            forge: None,
            ending: Arc::new(Never),
            keys: ring.clone(),
            facts,
            drain: stop.clone(),
        })
        .map_err(told)?;
        api.set_ready();
        let socket = home.join("aq.sock");
        let limits = limits(socket.clone());
        let listeners = grpc::bind(&limits).await.map_err(told)?;
        let health = Health::starting().await;
        health.ready().await;
        let permissions = api::PERMISSIONS.iter().fold(Permissions::new(), |table, (path, roles)| table.allow(path, roles));
        let gate = Gate { keys: Arc::new(Keys(ring)), permissions, calls: None, witness: None };
        let (routes, token) = (api.routes(), stop.clone());
        let serving = tokio::spawn(async move { drop(grpc::serve(listeners, &limits, gate, routes, health, token).await) });
        let key: ApiKey = made.key.parse().map_err(told)?;
        let endpoint: Endpoint = format!("unix:{}", socket.display()).parse().map_err(told)?;
        Ok(Self { engine, sink, options: Options::new(endpoint, Some(key)), stop, thread, serving, deciding })
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        Connection::connect(&self.options).await.map_err(told)
    }

    /// Ends the server; what was submitted is written.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.serving.abort();
        drop(self.deciding.await);
        self.engine.stop();
        drop(tokio::task::spawn_blocking(move || self.thread.join()).await);
    }
}

fn pause_all_but(db: &mut aq_server::store::Connection, wanted: usize, now: Timestamp) -> Result<(), StoreError> {
    for number in wanted..fill::AGENTS {
        let id = AgentId::from_trusted(&format!("agent-{number}"));
        let Some(mut agent) = agents::all(db)?.into_iter().find(|agent| agent.id == id) else { continue };
        (agent.paused, agent.updated_at) = (true, now);
        agents::update(db, &agent)?;
    }
    Ok(())
}

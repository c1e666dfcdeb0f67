//! A server with its API and nothing below the transport: clients speak to the routes through their wire form, as whoever the test says.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use aq_core::ids::ProjectId;
use aq_core::principal::{Principal, ProjectScope, Role};
use aq_core::runner_link::{BoxFuture, RunnerLink};
use aq_core::workspace::WorkspaceKind;
use aq_proto::error_detail::ErrorDetail;
use aq_proto::v1 as pb;
use aq_runner::git::Desk;
use aq_server::api::{Api, Ending, KeyRing, Parts, RepositoryCheck, RepositoryRefused, ServerFacts};
use aq_server::clock::Clock;
use pb::account_service_client::AccountServiceClient;
use pb::admin_service_client::AdminServiceClient;
use pb::agent_service_client::AgentServiceClient;
use pb::event_service_client::EventServiceClient;
use pb::git_service_client::GitServiceClient;
use pb::hook_service_client::HookServiceClient;
use pb::note_service_client::NoteServiceClient;
use pb::project_service_client::ProjectServiceClient;
use pb::prompt_service_client::PromptServiceClient;
use pb::run_service_client::RunServiceClient;
use pb::task_service_client::TaskServiceClient;
use pb::workspace_service_client::WorkspaceServiceClient;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;

use crate::harness::{Harness, policy};

/// Looks at nothing: what begins with `/bad` is refused.
struct Repositories;

impl RepositoryCheck for Repositories {
    fn repository(&self, url: &str) -> BoxFuture<'_, Result<(), RepositoryRefused>> {
        let bad = url.starts_with("/bad");
        Box::pin(async move { if bad { Err(RepositoryRefused("uses LFS, which is not supported".into())) } else { Ok(()) } })
    }

    fn workspace(&self, _: WorkspaceKind, path: &str) -> BoxFuture<'_, Result<PathBuf, RepositoryRefused>> {
        let path = PathBuf::from(path);
        Box::pin(async move {
            if path.starts_with("/bad") { Err(RepositoryRefused("is not a checkout".into())) } else { Ok(path.join("real")) }
        })
    }
}

/// Remembers that the server was asked to end.
#[derive(Default)]
pub(crate) struct Ended(pub Mutex<Vec<(String, bool)>>);

impl Ending for Ended {
    fn end(&self, reason: &str, _: Option<Duration>, stop_runs: bool) {
        self.0.lock().unwrap().push((reason.to_owned(), stop_runs));
    }
}

/// The server.
pub(crate) struct Server {
    pub(crate) inner: Harness,
    pub(crate) api: Api,
    pub(crate) drain: CancellationToken,
    pub(crate) ended: Arc<Ended>,
    /// The keys of callers, as the transport would ask for them.
    pub(crate) ring: KeyRing,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::over(Harness::start().await)
    }

    /// Ends the server in good order and starts it again on the same home.
    pub(crate) async fn restart(self) -> Self {
        Self::over(self.inner.restart().await)
    }

    fn over(inner: Harness) -> Self {
        let (drain, ended) = (CancellationToken::new(), Arc::new(Ended::default()));
        let ring = KeyRing::new(inner.reader.clone(), Arc::clone(&inner.clock) as Arc<dyn Clock>);
        let api = Api::new(Parts {
            engine: inner.engine.clone(),
            reader: inner.reader.clone(),
            hub: inner.hub.clone(),
            bus: inner.bus.clone(),
            clock: Arc::clone(&inner.clock) as Arc<dyn Clock>,
            wake: inner.wake.clone(),
            link: Arc::clone(&inner.link) as Arc<dyn RunnerLink>,
            policy: Arc::new(policy()),
            repositories: Arc::new(Repositories),
            git: Arc::new(Desk::new(inner.rooms())),
            forge: None,
            ending: Arc::clone(&ended) as Arc<dyn Ending>,
            keys: ring.clone(),
            facts: ServerFacts {
                version: "0.0.0-test".into(),
                started_at: inner.clock.now(),
                sandbox: "none".into(),
                database: "sqlite".into(),
                database_url: aq_server::store::DatabaseUrl::sqlite(&inner.home.path().join("db/agent-queue.db")),
                home: inner.home.path().to_owned(),
                clones: inner.home.path().join("clones"),
            },
            drain: drain.clone(),
        })
        .unwrap();
        Self { inner, api, drain, ended, ring }
    }

    pub(crate) fn client(&self, principal: Principal) -> Client {
        Client { routes: self.api.routes(), principal }
    }

    /// Everything.
    pub(crate) fn admin(&self) -> Client {
        self.client(principal(Role::Admin, &[]))
    }

    /// A role within projects; none: all of them.
    pub(crate) fn role(&self, role: Role, projects: &[&str]) -> Client {
        self.client(principal(role, projects))
    }
}

/// A principal.
pub(crate) fn principal(role: Role, projects: &[&str]) -> Principal {
    let only: BTreeSet<_> = projects.iter().map(|id| ProjectId::parse(id).unwrap()).collect();
    Principal {
        key_id: format!("{}{}", role.as_str(), projects.join("")),
        key_name: String::new(),
        role,
        projects: if only.is_empty() { ProjectScope::All } else { ProjectScope::Only(only) },
        on_behalf_of: (role == Role::Gateway).then(|| "discord:1".to_owned()),
        run: None,
    }
}

/// The way to the routes, as somebody.
#[derive(Clone)]
pub(crate) struct Client {
    routes: Routes,
    principal: Principal,
}

impl tower::Service<http::Request<Body>> for Client {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        tower::Service::<http::Request<Body>>::poll_ready(&mut self.routes, cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        request.extensions_mut().insert(self.principal.clone());
        Box::pin(self.routes.call(request))
    }
}

impl Client {
    pub(crate) fn projects(&self) -> ProjectServiceClient<Self> {
        ProjectServiceClient::new(self.clone())
    }
    pub(crate) fn workspaces(&self) -> WorkspaceServiceClient<Self> {
        WorkspaceServiceClient::new(self.clone())
    }
    pub(crate) fn tasks(&self) -> TaskServiceClient<Self> {
        TaskServiceClient::new(self.clone())
    }
    pub(crate) fn runs(&self) -> RunServiceClient<Self> {
        RunServiceClient::new(self.clone())
    }
    pub(crate) fn agents(&self) -> AgentServiceClient<Self> {
        AgentServiceClient::new(self.clone())
    }
    pub(crate) fn accounts(&self) -> AccountServiceClient<Self> {
        AccountServiceClient::new(self.clone())
    }
    pub(crate) fn git(&self) -> GitServiceClient<Self> {
        GitServiceClient::new(self.clone())
    }
    pub(crate) fn hooks(&self) -> HookServiceClient<Self> {
        HookServiceClient::new(self.clone())
    }
    pub(crate) fn notes(&self) -> NoteServiceClient<Self> {
        NoteServiceClient::new(self.clone())
    }
    pub(crate) fn prompts(&self) -> PromptServiceClient<Self> {
        PromptServiceClient::new(self.clone())
    }
    pub(crate) fn events(&self) -> EventServiceClient<Self> {
        EventServiceClient::new(self.clone())
    }
    pub(crate) fn admin(&self) -> AdminServiceClient<Self> {
        AdminServiceClient::new(self.clone())
    }

    /// A project with workspaces for two agents.
    pub(crate) async fn project(&self, name: &str) -> pb::Project {
        let request = pb::CreateProjectRequest { name: name.into(), repo_url: format!("/repos/{name}"), ..Default::default() };
        self.projects().create_project(request).await.unwrap().into_inner()
    }

    /// A scripted agent.
    pub(crate) async fn agent(&self, name: &str) -> pb::Agent {
        let request = pb::CreateAgentRequest { name: name.into(), runtime: pb::Runtime::Scripted.into(), ..Default::default() };
        self.agents().create_agent(request).await.unwrap().into_inner()
    }

    /// A task.
    pub(crate) async fn task(&self, project: &str, title: &str) -> pb::Task {
        let request = pb::CreateTaskRequest { project_id: project.into(), title: title.into(), ..Default::default() };
        self.tasks().create_task(request).await.unwrap().into_inner()
    }

    pub(crate) async fn get_task(&self, id: &str) -> pb::Task {
        let request = pb::GetTaskRequest { task_id: id.into() };
        self.tasks().get_task(request).await.unwrap().into_inner().task.unwrap()
    }
}

/// The code, the reason, and the field or the resource at fault.
pub(crate) fn refusal(status: &tonic::Status) -> (tonic::Code, String, String) {
    let detail = ErrorDetail::of(status).unwrap_or_else(|| panic!("no detail: {status:?}"));
    let field = detail.violations.first().map(|violation| violation.field.clone());
    let resource = detail.resource.map(|resource| format!("{} {}", resource.kind, resource.id));
    (status.code(), detail.reason, field.or(resource).unwrap_or_default())
}

/// The fields that an update changes.
pub(crate) fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}
